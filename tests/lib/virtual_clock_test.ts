/** Tests of the virtual clock that other tests use. */

import assert from "node:assert/strict";
import { test } from "./test.ts";
import { VirtualClock } from "./virtual_clock.ts";

test("timers run in the order of their times, and timers for the same time in the order they were set", async () => {
  const clock = new VirtualClock();
  const seen: string[] = [];
  clock.after(20, () => seen.push(`late at ${clock.now()}`));
  clock.after(10, () => seen.push(`first at ${clock.now()}`));
  clock.after(10, () => seen.push(`second at ${clock.now()}`));
  await clock.advance(19);
  assert.deepEqual(seen, ["first at 10", "second at 10"]);
  await clock.advance(1);
  assert.deepEqual(seen.at(-1), "late at 20");
  assert.equal(clock.timers, 0);
});

test("everything that a timer triggers runs before the next timer, including timers that it sets", async () => {
  const clock = new VirtualClock();
  const seen: string[] = [];
  clock.after(1, async () => {
    await Promise.resolve();
    seen.push("promise");
    clock.after(1, () => seen.push("nested"));
  });
  clock.after(3, () => seen.push("other"));
  await clock.advance(3);
  assert.deepEqual(seen, ["promise", "nested", "other"]);
});

test("a stopped timer does not run, not even one that repeats and stops itself", async () => {
  const clock = new VirtualClock();
  let times = 0;
  clock.after(1, () => assert.fail("it was stopped")).stop();
  const every = clock.every(1, () => {
    times += 1;
    if (times === 3) every.stop();
  });
  await clock.advance(10);
  assert.equal(times, 3);
});

test("waiting for something that never happens fails and says what it waited for", async () => {
  const clock = new VirtualClock();
  clock.every(1_000, () => {});
  await assert.rejects(
    clock.until("the moon", () => false, 5_000),
    /5 virtual seconds in vain: the moon/,
  );
});
