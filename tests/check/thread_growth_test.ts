/** When threads are said to be left behind. */

import assert from "node:assert/strict";
import { threadGrowth } from "../../check/thread_growth.ts";
import fc from "../lib/properties.ts";
import { test } from "../lib/test.ts";

const RUNS = 40_000;

test("threads that are started for a while, and then no more, are no leak", () => {
  for (
    const threadsAt of [
      (run: number) => run > 8_000 ? 6 : 5, // as seen of Go
      (run: number) => 4 + Math.min(10, Math.floor(run / 1_000)),
      (run: number) => 4 + Math.floor(60 * (1 - Math.exp(-run / 6_000))),
      (run: number) => 4 + Math.floor(run / 10_000) % 2,
      (run: number) => 9 - Math.floor(run / 10_000),
    ]
  ) {
    assert.equal(threadGrowth(countsOf(RUNS, threadsAt)).isLeak, false, String(threadsAt));
  }
});

test("a thread in each N jobs is a leak, if that are five or more, whatever else was started", () => {
  fc.assert(fc.property(
    fc.integer({ min: 129, max: RUNS }),
    fc.double({ min: 5.5, max: 60, noNaN: true }),
    fc.integer({ min: 0, max: 100 }),
    (runs, leaks, pool) => {
      const counts = countsOf(runs, (run) => pool + Math.floor(run * leaks / runs));
      assert.equal(threadGrowth(counts).isLeak, true);
    },
  ));
});

test("slow jobs of which each leaves a thread are told from ten runs on", () => {
  assert.deepEqual(threadGrowth(countsOf(4, (run) => run)), { threads: 3, isLeak: "unknown" });
  for (const runs of [10, 20, 33, 65]) {
    assert.deepEqual(threadGrowth(countsOf(runs, (run) => run)), {
      threads: runs - 1,
      isLeak: true,
    });
  }
});

test("more new threads than the machine should have are a leak after two runs", () => {
  const counts = [{ run: 1, threads: 1_000 }, { run: 2, threads: 2_000 }];
  assert.deepEqual(threadGrowth(counts), { threads: 1_000, isLeak: true });
});

test("threads that come and go are no leak", () => {
  fc.assert(fc.property(fc.infiniteStream(fc.integer({ min: 3, max: 5 })), (threads) => {
    const counts = countsOf(RUNS, () => threads.next().value as number);
    assert.equal(threadGrowth(counts).isLeak, false);
  }));
});

test("without a count, or with one, no thread is said to be left", () => {
  for (const runs of [0, 1]) {
    assert.deepEqual(threadGrowth(countsOf(runs, () => 7)), { threads: 0, isLeak: false });
  }
});

/** Counts as a trial makes them: behind each of the first runs, and then less often. */
function countsOf(runs: number, threadsAt: (run: number) => number) {
  return Array.from({ length: runs }, (_, index) => index)
    .filter((index) => index <= 32 || index % 32 === 0)
    .map((index) => ({ run: index + 1, threads: threadsAt(index + 1) }));
}
