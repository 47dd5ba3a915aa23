/** The counts of a run. */

import assert from "node:assert/strict";
import { Tally } from "../../controller/tally.ts";
import { test } from "../lib/test.ts";

test("skipped jobs count as done or failed, but not as finished in this run", () => {
  const tally = new Tally(5);
  for (let job = 0; job < 4; job++) tally.onAdded();
  tally.onSkippedDone();
  const failure = tally.onSkippedFailed("old");
  if (failure) tally.onReason(failure, "why");
  tally.onDone();
  tally.onFailed("new", "because");
  assert.deepEqual([tally.finished, tally.failed], [2, 1]);
  assert.deepEqual(tally.counts, {
    times: undefined,
    done: 2,
    failed: 2,
    skippedDone: 1,
    skippedFailed: 1,
    unread: 0,
    skipsLeft: 3,
    total: undefined,
    bytesIn: 0,
    bytesOut: 0,
    failures: [{ name: "old", reason: "why" }, { name: "new", reason: "because" }],
    failureGroups: [
      { reason: "why", jobs: 1, names: ["old"] },
      { reason: "because", jobs: 1, names: ["new"] },
    ],
  });
});

test("the first twenty failures are named", () => {
  const tally = new Tally(0);
  for (let job = 0; job < 30; job++) tally.onFailed(String(job), "");
  assert.equal(tally.counts.failed, 30);
  assert.deepEqual(tally.counts.failures.map(({ name }) => Number(name)), [...Array(20).keys()]);
  assert.equal(tally.onSkippedFailed("one more"), undefined);
});

test("all failures are counted by reason, the most frequent first, and three are named", () => {
  const tally = new Tally(0);
  tally.onFailed("0", "rare");
  for (let job = 1; job < 1000; job++) tally.onFailed(String(job), "common");
  assert.deepEqual(tally.counts.failureGroups, [
    { reason: "common", jobs: 999, names: ["1", "2", "3"] },
    { reason: "rare", jobs: 1, names: ["0"] },
  ]);
});

test("failures are grouped without nodes, which a group has where all of its jobs have the same", () => {
  const tally = new Tally(0);
  tally.onFailed("0", "crashed on a and b", "crashed");
  assert.deepEqual(tally.counts.failureGroups, [
    { reason: "crashed", error: "crashed on a and b", jobs: 1, names: ["0"] },
  ]);
  tally.onFailed("1", "crashed on c and d", "crashed");
  assert.deepEqual(tally.counts.failureGroups, [{ reason: "crashed", jobs: 2, names: ["0", "1"] }]);
});

test("workers are needed until all inputs are read and their jobs answered", () => {
  const tally = new Tally(0);
  for (let job = 0; job < 3; job++) tally.onAdded();
  tally.onAnswered(10, 1);
  tally.onSkipped();
  tally.onAllAdded();
  assert(tally.needsWorkers);
  tally.onAnswered(10, 1);
  assert(!tally.needsWorkers);
  const { bytesIn, bytesOut } = tally.counts;
  assert.deepEqual([bytesIn, bytesOut], [20, 2]);
});

test("all jobs are finished when each that was added and not canceled is done or failed", () => {
  const tally = new Tally(0);
  for (let job = 0; job < 5; job++) tally.onAdded();
  tally.onDone();
  tally.onFailed("1", "");
  tally.onCanceled(2);
  assert(!tally.areAllFinished);
  tally.onDone();
  assert(tally.areAllFinished);
});

test("the total is counted ahead, and known for certain when all inputs are read", () => {
  const tally = new Tally(9);
  tally.onCounted(undefined);
  assert.equal(tally.counts.total, undefined);
  tally.onCounted(7);
  assert.deepEqual([tally.counts.total, tally.counts.skipsLeft], [7, 9]);
  tally.onAdded();
  tally.onAllAdded();
  assert.deepEqual([tally.counts.total, tally.counts.skipsLeft], [1, 0]);
});
