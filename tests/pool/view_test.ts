/** Queries about a pool's jobs in flight. */

import assert from "node:assert/strict";
import type { DispatchId, EndpointId, Job } from "../../pool/types.ts";
import { test } from "../lib/test.ts";
import { Recorder } from "./recorder.ts";

const NO_DISPATCH = 999 as DispatchId;

test("the jobs at an endpoint are those whose results are still wanted, the oldest first", () => {
  const { recorder, worker, jobs } = threeInFlight();
  assert.deepEqual(namesOf(recorder.pool.jobsAt(worker)), ["a", "b", "c"]);
  recorder.pool.onCanceled(jobs.get("b") as Job<string>);
  assert.deepEqual(namesOf(recorder.pool.jobsAt(worker)), ["a", "c"]);
  assert.deepEqual(recorder.pool.jobsAt(99 as EndpointId), []);
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

test("a job is found by its dispatch, unless it is abandoned", () => {
  const { recorder, worker, jobs } = threeInFlight();
  const dispatch = recorder.dispatchOf("b");
  const job = jobs.get("b") as Job<string>;
  assert.equal(recorder.pool.jobAt(worker, dispatch), job);
  assert.deepEqual(recorder.pool.jobAt(worker, NO_DISPATCH), undefined);
  recorder.pool.onCanceled(job);
  assert.equal(recorder.pool.jobAt(worker, dispatch), undefined);
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

test("a job is located as long as it is in flight, abandoned or not", () => {
  const { recorder, worker, jobs } = threeInFlight();
  const job = jobs.get("b") as Job<string>;
  const dispatch = recorder.dispatchOf("b");
  for (const isWanted of [true, false]) {
    const at = recorder.pool.locate(job);
    assert.deepEqual([at?.endpoint, at?.dispatch], [worker, dispatch]);
    assert.equal(recorder.pool.isWanted(job), isWanted);
    recorder.pool.onCanceled(job);
  }
  recorder.answer("b");
  assert.equal(recorder.pool.locate(job), undefined);
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

test("the current job of an endpoint is the one that it started last, or else its oldest one", () => {
  const { recorder, worker } = threeInFlight();
  const currentWith = (begun?: DispatchId) =>
    recorder.pool.currentJobs(() => begun)
      .map(({ endpoint, job, hasBegun }) => [endpoint, job.payload, hasBegun]);
  assert.deepEqual(currentWith(recorder.dispatchOf("b")), [[worker, "b", true]]);
  assert.deepEqual(currentWith(), [[worker, "a", false]]);
  assert.deepEqual(currentWith(NO_DISPATCH), [[worker, "a", false]]);
  recorder.answerAll();
  assert.deepEqual(currentWith(), []);
  recorder.assertNothingIsLeft();
});

test("a job that waits at an endpoint begins when an answer makes room for it", () => {
  const recorder = new Recorder({ isLocal: false });
  const worker = recorder.endpoint(2);
  const inSlots = () =>
    recorder.pool.inSlotsAt(worker).map(({ payload, beganAtMs }) => [payload, beganAtMs]);
  recorder.queue(recorder.client(), "a b c d");
  recorder.schedule();
  const sentAtMs = recorder.nowMs;
  assert.deepEqual(inSlots(), [["a", sentAtMs], ["b", sentAtMs]]);
  recorder.nowMs += 1_000;
  recorder.answer("a");
  assert.deepEqual(inSlots(), [["b", sentAtMs], ["c", recorder.nowMs]]);
  recorder.nowMs += 500;
  recorder.answer("c");
  const lastBeganAtMs = recorder.nowMs;
  assert.deepEqual(inSlots(), [["b", sentAtMs], ["d", lastBeganAtMs]]);
  recorder.nowMs += 500;
  recorder.answer("b"); // no job waits for its slot
  assert.deepEqual(inSlots(), [["d", lastBeganAtMs]]);
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

test("the jobs that were sent before a time are the oldest of each endpoint", () => {
  const { recorder, jobs } = threeInFlight();
  const before = recorder.nowMs + 1;
  recorder.endpoint(2);
  recorder.nowMs += 100;
  recorder.queue(recorder.client(), "d e");
  recorder.schedule();
  assert.equal([...recorder.pool.inFlight()].length, 5);
  assert.deepEqual(namesOf([...recorder.pool.sentBefore(before)]), ["a", "b", "c"]);
  recorder.pool.onCanceled(jobs.get("a") as Job<string>);
  assert.deepEqual(namesOf([...recorder.pool.sentBefore(before)]), ["b", "c"]);
  assert.deepEqual([...recorder.pool.sentBefore(before - 1)], []);
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

function threeInFlight() {
  const recorder = new Recorder({ isLocal: false });
  const jobs = new Map<string, Job<string>>();
  recorder.onSend = (_, job) => jobs.set(job.payload, job);
  const worker = recorder.endpoint(3);
  recorder.queue(recorder.client(), "a b c");
  recorder.schedule();
  return { recorder, worker, jobs };
}

function namesOf(jobs: readonly Job<string>[]): string[] {
  return jobs.map(({ payload }) => payload);
}
