/** Which jobs at an endpoint have certainly not started, and whether it has answered any. */

import assert from "node:assert/strict";
import { Endpoint } from "../../pool/endpoint.ts";
import { newJob } from "../../pool/job.ts";
import { EndpointSet } from "../../pool/endpoint_set.ts";
import type { ClientId, CoreKey, DispatchId, EndpointId } from "../../pool/types.ts";
import { test } from "../lib/test.ts";

const SLOTS = 2;
const MIB = 1024 * 1024;

test("with few jobs in flight, all beyond one per slot have not started", () => {
  const endpoint = endpointWith(5, SLOTS);
  assert.deepEqual(unstarted(endpoint, 0), [3, 4, 5]);
});

test("with many jobs in flight, any may have ended as long as answers come", () => {
  const endpoint = endpointWith(50, SLOTS);
  assert.deepEqual(unstarted(endpoint, 50), []);
  endpoint.remove(1 as DispatchId, 90, true);
  assert.deepEqual(unstarted(endpoint, 150), []);
});

test("with many jobs in flight and no answer for a while, none behind the oldest has started", () => {
  const endpoint = endpointWith(50, SLOTS);
  assert.deepEqual(unstarted(endpoint, 500), range(3, 50));
  endpoint.remove(1 as DispatchId, 600, true);
  assert.deepEqual(unstarted(endpoint, 1_000), range(4, 50));
});

test("if the number of slots is unknown, any job may have started", () => {
  assert.deepEqual(unstarted(endpointWith(5, undefined), 1_000), []);
});

test("an endpoint has answered once a job is back with an answer, and not because one is returned", () => {
  const endpoint = endpointWith(2, SLOTS);
  endpoint.remove(1 as DispatchId, 10, false);
  assert.equal(endpoint.hasAnswered, false);
  endpoint.remove(2 as DispatchId, 20, true);
  assert.equal(endpoint.hasAnswered, true);
});

test("an endpoint that answers at once holds enough with two jobs per slot, unless they are small", () => {
  assert.equal(holdsEnough({ responseMs: 1, jobs: 3, jobBytes: 8 * MIB }), false);
  assert.equal(holdsEnough({ responseMs: 1, jobs: 4, jobBytes: 8 * MIB }), true);
  assert.equal(holdsEnough({ responseMs: 1, jobs: 9, jobBytes: MIB / 2 }), false, "7 wait");
  assert.equal(holdsEnough({ responseMs: 1, jobs: 10, jobBytes: MIB / 2 }), true);
});

test("a large job that runs leaves room for small ones behind it", () => {
  const endpoint = endpointWith(1, SLOTS);
  endpoint.remove(1 as DispatchId, 1, true);
  addJobs(endpoint, 1, 8 * MIB);
  addJobs(endpoint, 100, 64);
  assert.equal(endpoint.holdsEnough(64 * MIB), false);
});

test("one that is far away holds enough when it has as many bytes as any endpoint may have", () => {
  assert.equal(holdsEnough({ responseMs: 10, jobs: 7, jobBytes: 8 * MIB }), false);
  assert.equal(holdsEnough({ responseMs: 10, jobs: 8, jobBytes: 8 * MIB }), true);
  assert.equal(
    holdsEnough({ responseMs: 10, jobs: 1, jobBytes: 80 * MIB }),
    false,
    "a slot is idle",
  );
});

/** Whether an endpoint that has answered one job after this time holds enough with so many others. */
function holdsEnough(
  { responseMs, jobs, jobBytes }: { responseMs: number; jobs: number; jobBytes: number },
): boolean {
  const endpoint = endpointWith(1, SLOTS);
  endpoint.remove(1 as DispatchId, responseMs, true);
  addJobs(endpoint, jobs, jobBytes);
  return endpoint.holdsEnough(64 * MIB);
}

function endpointWith(jobs: number, slots: number | undefined): Endpoint<number> {
  const endpoint = new Endpoint<number>(1 as EndpointId, slots, new EndpointSet(false));
  addJobs(endpoint, jobs, 1);
  return endpoint;
}

function addJobs(endpoint: Endpoint<number>, jobs: number, bytes: number): void {
  for (const number of range(1, jobs)) {
    endpoint.add(newJob(1 as ClientId, "core" as CoreKey, bytes, number, 0), 0);
  }
}

function unstarted(endpoint: Endpoint<number>, nowMs: number): number[] {
  return endpoint.unstarted(nowMs).map(({ payload }) => payload);
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
