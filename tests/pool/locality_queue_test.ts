/** Endpoints get jobs first whose data is near them, and no job waits for that for long. */

import assert from "node:assert/strict";
import { newJob } from "../../pool/job.ts";
import { LocalityQueue } from "../../pool/locality_queue.ts";
import type { ClientId, EndpointId, Job } from "../../pool/types.ts";
import { test } from "../lib/test.ts";
import { CORE } from "./recorder.ts";

const [ONE, OTHER] = [1, 2] as [EndpointId, EndpointId];

test("jobs without a place are taken in their order", () => {
  const queue = queueOf(["a", undefined], ["b", undefined], ["c", ONE]);
  assert.deepEqual([taken(queue, ONE), taken(queue, OTHER)], ["a", "b"]);
});

test("an endpoint gets the first job that is near it", () => {
  const queue = queueOf(["a", OTHER], ["b", OTHER], ["c", ONE], ["d", ONE]);
  assert.deepEqual([taken(queue, ONE), taken(queue, OTHER), taken(queue, ONE)], ["c", "a", "d"]);
});

test("an endpoint near which there is no job gets the first one", () => {
  const queue = queueOf(["a", OTHER], ["b", OTHER]);
  assert.equal(taken(queue, ONE), "a");
});

test("a job is not overtaken for ever while its endpoint is busy", () => {
  const queue = queueOf(["a", OTHER]);
  let turns = 0;
  do {
    queue.pushBack(job(`${turns++}`, ONE));
    assert(turns < 1_000);
  } while (taken(queue, ONE) !== "a");
  queue.pushBack(job("next", OTHER));
  assert.equal(taken(queue, OTHER), "next");
});

test("only the front of a long queue is looked at", () => {
  const queue = queueOf(...Array.from({ length: 1_000 }, (_, at) => [`${at}`, OTHER] as const));
  queue.pushBack(job("far behind", ONE));
  assert.equal(taken(queue, ONE), "0");
});

type Near = readonly [name: string, near: EndpointId | undefined];

function queueOf(...jobs: readonly Near[]): LocalityQueue<string> {
  const queue = new LocalityQueue<string>();
  for (const [name, near] of jobs) queue.pushBack(job(name, near));
  return queue;
}

function job(name: string, near: EndpointId | undefined): Job<string> {
  return newJob(1 as ClientId, CORE, 1, name, 0, near);
}

function taken(queue: LocalityQueue<string>, endpoint: EndpointId): string | undefined {
  const job = queue.firstFor(endpoint);
  if (job) queue.remove(job);
  return job?.payload;
}
