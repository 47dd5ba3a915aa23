/** Queued jobs that should avoid certain endpoints. */

import assert from "node:assert/strict";
import { AntiAffinityQueue } from "../../pool/anti_affinity.ts";
import { newJob } from "../../pool/job.ts";
import type { ClientId, CoreKey, EndpointId, Job } from "../../pool/types.ts";
import { test } from "../lib/test.ts";

const CORE = "core" as CoreKey;
const [A, B, C] = [1, 2, 3] as [EndpointId, EndpointId, EndpointId];

function jobOf(
  payload: string,
  endpoints: readonly EndpointId[],
  { isRequired = false, queuedAtMs = 0, core = CORE } = {},
): Job<string> {
  const job = newJob(1 as ClientId, core, 1, payload, queuedAtMs);
  return { ...job, antiAffinity: { endpoints, isRequired } };
}

/** Takes all jobs that may run on an endpoint. */
function drain(
  queue: AntiAffinityQueue<string>,
  endpoint: EndpointId,
  isOnly = false,
  nowMs = 0,
): string {
  let names = "";
  for (;;) {
    const job = queue.peekFor({ id: endpoint, core: CORE }, nowMs, isOnly);
    if (!job) return names;
    assert(queue.remove(job));
    names += job.payload;
  }
}

test("an endpoint gets the jobs that do not avoid it, in order", () => {
  const queue = new AntiAffinityQueue<string>();
  for (const name of ["a", "b", "c"]) queue.add(jobOf(name, [A]));
  queue.add(jobOf("d", [B]));
  assert.equal(queue.length, 4);
  assert.equal(drain(queue, A), "d");
  assert.equal(drain(queue, B), "abc");
  assert.equal(queue.length, 0);
  assert.equal(queue.first, undefined);
});

test("a job that avoids several endpoints goes to none of them", () => {
  const queue = new AntiAffinityQueue<string>();
  queue.add(jobOf("a", [A, B]));
  queue.add(jobOf("b", [A]));
  assert.equal(drain(queue, A), "");
  assert.equal(queue.peekFor({ id: B, core: CORE }, 0, false)?.payload, "b");
  assert.equal(drain(queue, C), "ba");
});

test("the only endpoint gets jobs that prefer to avoid it, and none that must avoid it", () => {
  const queue = new AntiAffinityQueue<string>();
  queue.add(jobOf("a", [A]));
  queue.add(jobOf("b", [A, B]));
  queue.add(jobOf("c", [A, C], { isRequired: true }));
  assert.equal(drain(queue, A), "");
  assert.equal(drain(queue, A, true), "ab");
  assert.equal(queue.length, 1);
  assert.equal(drain(queue, B, true), "c");
});

test("a preference ends after ten seconds in the queue, a requirement does not", () => {
  const queue = new AntiAffinityQueue<string>();
  queue.add(jobOf("a", [A], { queuedAtMs: 5_000 }));
  queue.add(jobOf("b", [B], { queuedAtMs: 5_000, isRequired: true }));
  assert.equal(drain(queue, A, false, 14_999), "b");
  assert.equal(drain(queue, A, false, 15_000), "a");
  queue.add(jobOf("b", [B], { queuedAtMs: 5_000, isRequired: true }));
  assert.equal(drain(queue, B, false, 900_000), "");
  assert.equal(drain(queue, A, false, 15_000), "b");
});

test("a job can be removed from any position, but only once", () => {
  const queue = new AntiAffinityQueue<string>();
  const jobs = [jobOf("a", [A]), jobOf("b", [A]), jobOf("c", [B, C]), jobOf("d", [C])];
  for (const job of jobs) queue.add(job);
  assert.deepEqual([...queue].map(({ payload }) => payload), ["a", "b", "d", "c"]);
  assert(queue.remove(jobs[1] as Job<string>));
  assert(!queue.remove(jobs[1] as Job<string>), "once");
  assert(!queue.remove(jobOf("b", [A])), "only itself");
  assert.equal(queue.length, 3);
  assert(queue.remove(jobs[2] as Job<string>));
  assert.deepEqual([...queue].map(({ payload }) => payload), ["a", "d"]);
  assert(queue.remove(jobs[0] as Job<string>));
  assert.equal(queue.length, 1);
  assert.equal(queue.first, jobs[3]);
});

test("an endpoint gets no job for another core, and such a job does not hold up those behind it", () => {
  const queue = new AntiAffinityQueue<string>();
  const other = "other" as CoreKey;
  queue.add(jobOf("a", [A], { core: other }));
  queue.add(jobOf("b", [C]));
  queue.add(jobOf("c", [A, C], { core: other }));
  queue.add(jobOf("d", [A, C]));
  assert.equal(drain(queue, B), "bd");
  assert.equal(queue.peekFor({ id: B, core: other }, 0, false)?.payload, "a");
  assert.equal(queue.length, 2);
});

test("jobs that avoid the same endpoints are found however many wait before them that must not run there", () => {
  const queue = new AntiAffinityQueue<string>();
  for (let index = 0; index < 1_000; index++) queue.add(jobOf("x", [A, B], { isRequired: true }));
  queue.add(jobOf("b", [A, B]));
  queue.add(jobOf("c", [A, C], { isRequired: true }));
  assert.equal(queue.peekFor({ id: B, core: CORE }, 0, false)?.payload, "c");
  assert.equal(queue.peekFor({ id: A, core: CORE }, 0, true)?.payload, "b");
});
