/** Which jobs at an endpoint have certainly not started, and whether it has answered any. */

import assert from "node:assert/strict";
import { Endpoint } from "../../pool/endpoint.ts";
import { newJob } from "../../pool/job.ts";
import { EndpointSet } from "../../pool/endpoint_set.ts";
import type { ClientId, CoreKey, DispatchId, EndpointId } from "../../pool/types.ts";
import { test } from "../lib/test.ts";

const SLOTS = 2;

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

function endpointWith(jobs: number, slots: number | undefined): Endpoint<number> {
  const endpoint = new Endpoint<number>(1 as EndpointId, slots, new EndpointSet(false));
  for (const number of range(1, jobs)) {
    const job = newJob(1 as ClientId, "core" as CoreKey, 1, number, 0);
    endpoint.add(job, 0);
  }
  return endpoint;
}

function unstarted(endpoint: Endpoint<number>, nowMs: number): number[] {
  return endpoint.unstarted(nowMs).map(({ payload }) => payload);
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
