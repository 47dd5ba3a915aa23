/** The turns for what cores cost the worker itself, in virtual time. */

import assert from "node:assert/strict";
import { delay } from "../../../runtime/clock.ts";
import { CoreTurns } from "../../../worker/cores/core_turns.ts";
import { test } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";

test("cores take turns, and each is followed by a rest that is as long, up to a tenth of a second", async () => {
  const clock = new VirtualClock();
  const turns = new CoreTurns(clock);
  const ends: number[] = [];
  const take = (ms: number) =>
    turns.take(async () => {
      await delay(clock, ms);
      ends.push(clock.now());
    });
  const since = clock.now();
  const all = Promise.all([take(20), take(1_000), take(5)]);
  await clock.advance(3_000);
  await all;
  assert.deepEqual(ends.map((end) => end - since), [20, 20 + 20 + 1_000, 1_040 + 100 + 5]);
});

test("a turn that fails is over, and the next one comes", async () => {
  const clock = new VirtualClock();
  const turns = new CoreTurns(clock);
  const failed = assert.rejects(turns.take(() => Promise.reject(new Error("damaged"))), /damaged/);
  const next = turns.take(() => Promise.resolve("stored"));
  await clock.advance(0);
  await failed;
  assert.equal(await next, "stored");
});
