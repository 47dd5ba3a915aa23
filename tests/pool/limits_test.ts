/** Endpoints that their owner limits, and queued jobs that come to avoid other endpoints. */

import assert from "node:assert/strict";
import type { CoreKey, EndpointId } from "../../pool/types.ts";
import { test } from "../lib/test.ts";
import { CORE, Recorder } from "./recorder.ts";

const OTHER = "other" as CoreKey;

/** After this time, an idle slot no longer keeps its core for further jobs. */
const CORE_KEPT_MS = 50;

test("a limited endpoint gets a job only while it has fewer in flight", () => {
  const recorder = new Recorder({ isLocal: false });
  const endpoint = recorder.endpoint(4);
  const client = recorder.client();
  recorder.pool.onLimited(endpoint, 1);
  recorder.queue(client, "a b c");
  assert.deepEqual(recorder.schedule(), ["load core at 1", "send a to 1"]);
  assert.equal(recorder.pool.capacity(), 1);
  assert.equal(recorder.pool.idleSlots(4).length, 0);
  recorder.answer("a", 1);
  assert.deepEqual(recorder.schedule(), ["send b to 1"]);
  recorder.pool.onLimited(endpoint, Infinity);
  assert.deepEqual(recorder.schedule(), ["send c to 1"]);
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

test("an endpoint that is limited to no jobs keeps those that it has, and counts as not ready", () => {
  const recorder = new Recorder({ isLocal: false });
  const [one] = [recorder.endpoint(), recorder.endpoint()];
  const client = recorder.client();
  recorder.queue(client, "a b");
  recorder.schedule();
  assert.equal(recorder.pool.counts().slots, 2);
  recorder.pool.onLimited(one as EndpointId, 0);
  assert.equal(recorder.pool.counts().slots, 1);
  assert.equal(recorder.pool.inFlightAt(one as EndpointId), 1);
  recorder.queue(client, "c d");
  assert.deepEqual(recorder.schedule(), ["send c to 2"]);
  recorder.answer("a", 1);
  assert.deepEqual(recorder.schedule(), []);
  assert.equal(recorder.pool.hasIdleSlot(one as EndpointId), false);
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

test("a slot that may get no job is not idle: another one loads the core for the next job", () => {
  const recorder = new Recorder();
  const one = recorder.endpoint();
  const client = recorder.client();
  recorder.queue(client, "a");
  assert.deepEqual(recorder.schedule(), ["load core at 1", "send a to 1"]);
  recorder.endpoint();
  recorder.answer("a", 1);
  recorder.pool.onLimited(one, 0);
  recorder.queue(client, "b");
  assert.deepEqual(recorder.schedule(), ["load core at 2", "send b to 2"]);
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

test("another core goes to an idle endpoint before it goes to one that may get no job", () => {
  const recorder = new Recorder();
  const one = recorder.endpoint();
  const client = recorder.client();
  recorder.queue(client, "a");
  recorder.schedule();
  const two = recorder.endpoint();
  recorder.queue(client, "b");
  recorder.schedule();
  recorder.answer("a b");
  recorder.pool.onLimited(one, 0);
  recorder.schedule();
  assert.equal(recorder.pool.freeEndpoint(), two);
  recorder.nowMs += CORE_KEPT_MS;
  recorder.queue(recorder.client(), "c", { core: OTHER });
  assert.deepEqual(recorder.schedule(), ["load other at 2", "send c to 2"]);
  assert.equal(recorder.pool.freeEndpoint(), one);
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

test("a slot is idle while its endpoint is ready and has fewer jobs than slots", () => {
  const recorder = new Recorder({ isLocal: false });
  const endpoint = recorder.endpoint(2);
  assert.equal(recorder.pool.hasIdleSlot(endpoint), false, "it has no core");
  const client = recorder.client();
  recorder.queue(client, "a");
  recorder.schedule();
  assert.equal(recorder.pool.hasIdleSlot(endpoint), true);
  recorder.queue(client, "b");
  recorder.schedule();
  assert.equal(recorder.pool.hasIdleSlot(endpoint), false);
  assert.equal(recorder.pool.hasIdleSlot(9 as EndpointId), false);
  recorder.answerAll();
  recorder.assertNothingIsLeft();
});

test("a queued job that comes to avoid an endpoint goes to another one, and may later go anywhere", () => {
  const recorder = new Recorder({ isLocal: false });
  const one = recorder.endpoint();
  const client = recorder.client();
  recorder.queue(client, "a");
  recorder.schedule();
  recorder.answerAll();
  const job = recorder.pool.onJob(client, CORE, 1, "b", recorder.nowMs);
  assert(job);
  recorder.pool.onAntiAffinity(job, { endpoints: [one], isRequired: true }, 0);
  recorder.pool.audit();
  assert.equal(recorder.pool.idleSlots(1).length, 1);
  recorder.pool.schedule(recorder.nowMs);
  assert.equal(recorder.pool.isInFlight(job), false);
  recorder.pool.onAntiAffinity(job, { endpoints: [one], isRequired: false }, 0);
  recorder.pool.audit();
  assert.equal(recorder.pool.onCanceled(job), true, "it is still queued");
  recorder.pool.onAntiAffinity(job, { endpoints: [], isRequired: false }, 0);
  assert.equal(recorder.pool.queueOf(client).queued, 0, "a canceled job is not queued again");
});
