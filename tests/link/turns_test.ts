/** Turns of the event loop, one after another. */

import assert from "node:assert/strict";
import { Turns } from "../../link/turns.ts";
import { nextTurn, systemClock } from "../../runtime/clock.ts";
import { Turns as TurnCount } from "../lib/turns.ts";
import { test } from "../lib/test.ts";

test("each caller gets a turn of the event loop that nobody else has got", async () => {
  const turns = new Turns(systemClock);
  const loop = new TurnCount();
  const got: number[] = [];
  const callers = Array.from({ length: 5 }, () => turns.next().then(() => got.push(loop.count)));
  await Promise.all(callers);
  loop.stop();
  assert.equal(new Set(got).size, callers.length, `turns ${got}`);
});

test("a turn that took long is followed by a rest of twice its time, a short one by none", async () => {
  assert.deepEqual(await restsAfter([1, 30, 2, 5, 0]), [60, 10]);
});

test("the rest after a turn in which the process was stopped for an hour is short", async () => {
  assert.deepEqual(await restsAfter([3_600_000]), [100]);
});

/** The rests that follow turns which took these times. */
async function restsAfter(turnsMs: readonly number[]): Promise<number[]> {
  let nowMs = 0;
  const rests: number[] = [];
  const turns = new Turns({
    now: () => nowMs,
    nextTurn,
    after(ms, action) {
      rests.push(ms);
      action();
      return { stop() {} };
    },
  });
  for (const tookMs of turnsMs) {
    await turns.next();
    nowMs += tookMs;
  }
  await nextTurn();
  nowMs += 1_000; // nobody has work: that is no turn
  await turns.next();
  return rests;
}
