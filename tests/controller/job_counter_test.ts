/** The counts of a run. */

import assert from "node:assert/strict";
import { JobCounter } from "../../controller/job_counter.ts";
import { test } from "../lib/test.ts";

test("skipped jobs count as done or failed, but not as finished in this run", () => {
  const counter = new JobCounter(5);
  for (let job = 0; job < 4; job++) counter.onAdded();
  counter.onSkippedDone();
  const failure = counter.onSkippedFailed("old");
  if (failure) counter.onReason(failure, "why");
  counter.onDone();
  counter.onFailed("new", "because");
  assert.deepEqual([counter.finished, counter.failed], [2, 1]);
  assert.deepEqual(counter.counts, {
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
  const counter = new JobCounter(0);
  for (let job = 0; job < 30; job++) counter.onFailed(String(job), "");
  assert.equal(counter.counts.failed, 30);
  assert.deepEqual(counter.counts.failures.map(({ name }) => Number(name)), [...Array(20).keys()]);
});

test("jobs that failed in an earlier run are counted by reason beyond the twenty that are named, and the first 256 only", () => {
  const counter = new JobCounter(0);
  for (let job = 0; job < 300; job++) {
    const failure = counter.onSkippedFailed(String(job));
    if (failure) counter.onReason(failure, "common");
  }
  const { failed, failures, failureGroups } = counter.counts;
  assert.deepEqual([failed, failures.length, failureGroups[0]?.jobs], [300, 20, 256]);
});

test("all failures are counted by reason, the most frequent first, and three are named", () => {
  const counter = new JobCounter(0);
  counter.onFailed("0", "rare");
  for (let job = 1; job < 1000; job++) counter.onFailed(String(job), "common");
  assert.deepEqual(counter.counts.failureGroups, [
    { reason: "common", jobs: 999, names: ["1", "2", "3"] },
    { reason: "rare", jobs: 1, names: ["0"] },
  ]);
});

test("failures are grouped without nodes, which a group has where all of its jobs have the same", () => {
  const counter = new JobCounter(0);
  counter.onFailed("0", "crashed on a and b", "crashed");
  assert.deepEqual(counter.counts.failureGroups, [
    { reason: "crashed", error: "crashed on a and b", jobs: 1, names: ["0"] },
  ]);
  counter.onFailed("1", "crashed on c and d", "crashed");
  assert.deepEqual(counter.counts.failureGroups, [{
    reason: "crashed",
    jobs: 2,
    names: ["0", "1"],
  }]);
});

test("workers are needed until all inputs are read and their jobs answered", () => {
  const counter = new JobCounter(0);
  for (let job = 0; job < 3; job++) counter.onAdded();
  counter.onAnswered(10, 1);
  counter.onSkipped();
  counter.onAllAdded();
  assert(counter.needsWorkers);
  counter.onAnswered(10, 1);
  assert(!counter.needsWorkers);
  const { bytesIn, bytesOut } = counter.counts;
  assert.deepEqual([bytesIn, bytesOut], [20, 2]);
});

test("all jobs are finished when each that was added and not canceled is done or failed", () => {
  const counter = new JobCounter(0);
  for (let job = 0; job < 5; job++) counter.onAdded();
  counter.onDone();
  counter.onFailed("1", "");
  counter.onCanceled(2);
  assert(!counter.areAllFinished);
  counter.onDone();
  assert(counter.areAllFinished);
});

test("the total is counted ahead, and known for certain when all inputs are read", () => {
  const counter = new JobCounter(9);
  counter.onCounted(undefined);
  assert.equal(counter.counts.total, undefined);
  counter.onCounted(7);
  assert.deepEqual([counter.counts.total, counter.counts.skipsLeft], [7, 9]);
  counter.onAdded();
  counter.onAllAdded();
  assert.deepEqual([counter.counts.total, counter.counts.skipsLeft], [1, 0]);
});
