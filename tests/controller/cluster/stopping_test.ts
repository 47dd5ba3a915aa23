/** How a run's jobs come to their end, runs that stop early, and callers that wait for room. */

import assert from "node:assert/strict";
import { KINDS } from "../../fixtures/peers/frames.ts";
import { assertPolite, numberedInputs, test, textOf } from "../simulation.ts";

test("when a run stops, running jobs are answered but not retried, and all others are canceled", async (simulation) => {
  const worker = await simulation.worker({ slots: 2 });
  worker.script.answerJob = (job) =>
    textOf(job) === "input 0" ? { kind: KINDS.crash, text: "crashed" } : "echo";
  const recorded = simulation.cluster();
  worker.hold();
  recorded.dial(worker);
  recorded.add(numberedInputs(20));
  await simulation.until("it has a queue", () => worker.slots.waiting === 2);
  assert.equal(recorded.cluster.cancelUnstarted(), 18);
  recorded.cluster.end();
  await simulation.advance(1_000);
  assert.equal(worker.received.cancels.length, 2, "those that wait at the worker");
  assert.equal(worker.slots.waiting, 0);
  worker.release();
  await recorded.settled();
  assert.equal(recorded.completions.length, 1);
  assert.equal(recorded.ends[1], "0: input 1");
  assert.equal(recorded.canceled, 1, "the one that has crashed");
  assert.equal(worker.received.jobs.length, 4);
  assertPolite(worker);
});

test("a job that turns out later not to have begun is canceled then", async (simulation) => {
  const worker = await simulation.worker({ slots: 1, delayMs: 0.05 });
  const recorded = simulation.cluster();
  recorded.dial(worker);
  recorded.add(numberedInputs(1_000));
  await recorded.completed(500);
  worker.hold();
  const canceled = recorded.cluster.cancelUnstarted();
  await simulation.advance(1_000);
  assert(recorded.canceled > 0, "a deep window may be over before one can tell");
  worker.release();
  await recorded.settled();
  assert.equal(recorded.completions.length + canceled + recorded.canceled, 1_000);
  assertPolite(worker);
});

test("the last jobs are held back for other workers, unless there are more jobs after all", async (simulation) => {
  const worker = await simulation.worker({ slots: 2 });
  const recorded = simulation.cluster();
  worker.hold();
  recorded.dial(worker);
  recorded.addAll(numberedInputs(4));
  await simulation.advance(1_000);
  assert.equal(worker.received.jobs.length, 2);
  recorded.cluster.end(false);
  await simulation.advance(1_000);
  assert.equal(worker.received.jobs.length, 4);
});

test("a closed cluster has no connections, accepts none, and reports none", async (simulation) => {
  const worker = await simulation.worker();
  const recorded = simulation.cluster();
  const port = recorded.listen();
  const other = await simulation.dialingWorker(port);
  recorded.dial(worker);
  recorded.dial({ port: 1 });
  await recorded.connected(2);
  worker.hold();
  recorded.add(numberedInputs(4));
  await simulation.advance(1_000);
  const { length } = recorded.warnings;
  recorded.cluster.close();
  await simulation.advance(60_000);
  assert.equal(worker.openConnections, 0);
  assert.equal(other.openConnections, 0);
  await assert.rejects(other.dial(port), /connection refused/);
  assert.equal(recorded.warnings.length, length);
  assert.equal(recorded.noWorkerReasons, undefined);
});

test("callers that wait for room continue when the cluster is closed", async (simulation) => {
  const { cluster } = simulation.cluster();
  for (let index = 0; index < 64; index++) cluster.add({ index, input: new Uint8Array() });
  let hasRoom = false;
  const waiting = cluster.room().then(() => hasRoom = true);
  await simulation.advance(60_000);
  assert.equal(hasRoom, false);
  cluster.close();
  await waiting;
});

test("there is room for more tasks until 4 MiB are queued, and again when they are canceled", (simulation) => {
  const { cluster } = simulation.cluster();
  cluster.add({ index: 0, input: new Uint8Array(4 * 1024 * 1024 - 1) });
  assert(cluster.hasRoom);
  cluster.add({ index: 1, input: new Uint8Array(1) });
  assert(!cluster.hasRoom);
  assert.equal(cluster.cancelUnstarted(), 2);
  assert(cluster.hasRoom);
  assert.equal(cluster.status.queuedBytes, 0);
});

test("the queue is bounded in bytes", async (simulation) => {
  const worker = await simulation.worker();
  const recorded = simulation.cluster();
  const inputs = Array.from({ length: 3 }, () => new Uint8Array(24 * 1024 * 1024));
  recorded.add(inputs);
  let hasRoom = false;
  const waiting = recorded.cluster.room().then(() => hasRoom = true);
  await simulation.advance(1_000);
  assert.equal(hasRoom, false);
  recorded.dial(worker);
  await waiting;
});
