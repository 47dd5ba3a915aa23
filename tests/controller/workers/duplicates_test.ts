/** Workers that have two addresses, or two connections: each is used once. */

import assert from "node:assert/strict";
import type { ScriptedWorker2 } from "../../fixtures/peers/scripted_worker_2.ts";
import { assertPolite, numberedInputs, test } from "../simulation.ts";

const INSTANCE = "00112233445566778899aabbccddeeff";

/** Two addresses of one worker. */
type Pair = [ScriptedWorker2, ScriptedWorker2];
const SAME_INSTANCE = [{ instance: INSTANCE }, { instance: INSTANCE }] as const;

test("a worker that has two addresses is used under one of them, and the other is reported", async (simulation) => {
  const [first, second] = await simulation.workers(...SAME_INSTANCE) as Pair;
  const recorded = simulation.cluster();
  const inputs = numberedInputs(30);
  recorded.dial(first);
  recorded.dial(second);
  await simulation.until("it is reported", () => recorded.warnings.length > 0);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.deepEqual(recorded.warnings, [
    `cannot use worker 127.0.0.1:${second.port}: ` +
    `it is the same worker as 127.0.0.1:${first.port}, which is already connected`,
  ]);
  assert.equal(second.received.jobs.length, 0);
  assert.equal(second.connections, 1, "it is not dialed again at once");
  assertPolite(first, second);
});

test("when one of a worker's two addresses fails, the other is used at once", async (simulation) => {
  const [first, second] = await simulation.workers(...SAME_INSTANCE) as Pair;
  const recorded = simulation.cluster();
  const inputs = numberedInputs(20);
  recorded.dial(first);
  recorded.dial(second);
  await simulation.until("one is reported", () => recorded.warnings.length > 0);
  recorded.add(inputs.slice(0, 10));
  await recorded.completed(10);
  const lostAtMs = simulation.network.clock.now();
  await first.close();
  recorded.addAll(inputs.slice(10));
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.equal(simulation.network.clock.now(), lostAtMs);
});

test("a worker that has two addresses and answers no job at either is given up", async (simulation) => {
  const workers = await simulation.workers(...SAME_INSTANCE) as Pair;
  const recorded = simulation.cluster();
  for (const worker of workers) {
    worker.script.delayMs = 200; // so that the other address is dialed again meanwhile
    worker.script.answerJob = () => {
      worker.cut();
      return "silence";
    };
    recorded.dial(worker);
  }
  recorded.addAll(numberedInputs(4));
  assert.equal((await recorded.noWorkerLeft()).length, 2);
});

test("a worker that connects to the cluster again replaces its old connection", async (simulation) => {
  const recorded = simulation.cluster();
  const port = recorded.listen();
  const worker = await simulation.dialingWorker(port, { slots: 2 });
  const inputs = numberedInputs(20);
  worker.hold();
  recorded.addAll(inputs);
  await simulation.until("it has jobs", () => worker.slots.waiting === 2);
  await worker.dial(port);
  await simulation.until("it has them again", () => worker.received.jobs.length >= 8);
  assert.equal(worker.openConnections, 1);
  worker.release();
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.equal(recorded.cluster.status.workers, 1);
  assert.equal(recorded.warnings.length, 1);
  assert.match(recorded.warnings[0] ?? "", /it connected again; 4 jobs rescheduled/);
  assertPolite(worker);
});

test("a worker that is dialed and also connects to the cluster is used once", async (simulation) => {
  const worker = await simulation.worker();
  const recorded = simulation.cluster();
  const port = recorded.listen();
  const inputs = numberedInputs(30);
  await worker.dial(port);
  await recorded.connected(1);
  recorded.dial(worker);
  await simulation.until("it is reported", () => recorded.warnings.length > 0);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.equal(worker.openConnections, 1);
  assert.match(recorded.warnings[0] ?? "", /it is the same worker as .*, which is already connect/);
  assertPolite(worker);
});
