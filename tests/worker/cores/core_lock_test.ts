/** The turns for what cores cost the worker itself, in virtual time. */

import assert from "node:assert/strict";
import { delay } from "../../../runtime/clock.ts";
import { CoreLock } from "../../../worker/cores/core_lock.ts";
import { test } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";

test("while jobs run, cores take turns, and each is followed by a rest of three times as long, up to a tenth of a second", async () => {
  const rests = { ofFirst: 3 * 20, ofSecond: 100 };
  assert.deepEqual(await endsOf(true, [20, 1_000, 5]), [
    20,
    20 + rests.ofFirst + 1_000,
    1_080 + rests.ofSecond + 5,
  ]);
});

test("while no jobs run, cores take turns without a rest", async () => {
  assert.deepEqual(await endsOf(false, [20, 1_000, 5]), [20, 1_020, 1_025]);
});

/** When turns end that take so long. */
async function endsOf(doJobsRun: boolean, turnsMs: readonly number[]): Promise<number[]> {
  const clock = new VirtualClock();
  const lock = new CoreLock(clock, () => doJobsRun);
  const ends: number[] = [];
  const since = clock.now();
  const all = turnsMs.map((ms) =>
    lock.run(async () => {
      await delay(clock, ms);
      ends.push(clock.now() - since);
    })
  );
  await clock.advance(3_000);
  await Promise.all(all);
  return ends;
}

test("a turn that fails is over, and the next one comes", async () => {
  const clock = new VirtualClock();
  const lock = new CoreLock(clock, () => true);
  const failed = assert.rejects(lock.run(() => Promise.reject(new Error("damaged"))), /damaged/);
  const next = lock.run(() => Promise.resolve("stored"));
  await clock.advance(0);
  await failed;
  assert.equal(await next, "stored");
});
