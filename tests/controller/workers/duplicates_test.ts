/** Workers that have two addresses, or two connections: each is used once. */

import assert from "node:assert/strict";
import { RUN_WAIT_POLICY } from "../../../controller/workers/wait_policy.ts";
import { Workers } from "../../../controller/workers/workers.ts";
import { silentLog } from "../../../system/log.ts";
import type { ScriptedWorker2 } from "../../fixtures/peers/scripted_worker_2.ts";
import { assertPolite, countsOf, numberedInputs, test } from "../simulation.ts";

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

test("a worker that connects again replaces its old connection if that does not answer for five seconds", async (simulation) => {
  const recorded = simulation.cluster({ speculates: false });
  const port = recorded.listen();
  const worker = await simulation.dialingWorker(port, { instance: INSTANCE, slots: 2 });
  const inputs = numberedInputs(20);
  worker.hold();
  recorded.addAll(inputs);
  await simulation.until("it has jobs", () => worker.slots.waiting === 2);
  worker.hang(); // as a connection does that is broken somewhere between
  const { clock } = simulation.network;
  const beganAtMs = clock.now();
  const again = await simulation.dialingWorker(port, { instance: INSTANCE, slots: 2 });
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  const looksMs = 20; // before it is given up, it is looked whether it has answered
  assert(clock.now() - beganAtMs <= 5_500 + looksMs, `after ${clock.now() - beganAtMs} ms`);
  assert.equal(recorded.cluster.status.workers, 1);
  assert.equal(recorded.cluster.status.lost, 0, "it has come back");
  await simulation.until(
    "it is said to be back",
    () => recorded.infos.some((text) => text.endsWith(" is back: 2 slots")),
  );
  assert.match(recorded.warnings.join(), /lost worker .*: no response for 5s; 4 jobs rescheduled/);
  assertPolite(again);
});

test("a worker that waits for the end of its old connection is not used if its owner closes all at that end", async (simulation) => {
  const { runtime, clock } = simulation.network;
  let ready = 0, gone = 0;
  const workers: Workers = new Workers(runtime, silentLog, { ...RUN_WAIT_POLICY, workersMin: 1 }, {
    onReady: () => ready += 1,
    onCoreLoaded: () => {},
    onDraining: () => {},
    onDiscarded: () => assert.fail(),
    onGone: () => {
      gone += 1;
      workers.close();
    },
    onNoneLeft: () => {},
  });
  const address = workers.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
  assert(address.kind === "tcp");
  const old = await simulation.dialingWorker(address.port, { instance: INSTANCE });
  await simulation.until("it is ready", () => ready === 1);
  old.hang();
  await simulation.dialingWorker(address.port, { instance: INSTANCE });
  await clock.advance(1_000);
  old.cut();
  await simulation.until("the old one is gone", () => gone === 1);
  await clock.advance(0);
  assert.equal(ready, 1);
});

test("a worker that connects under another one's id does not have it dismissed, whatever it does", async (simulation) => {
  const recorded = simulation.cluster();
  const port = recorded.listen();
  const honest = await simulation.dialingWorker(port, { instance: INSTANCE, delayMs: 100 });
  const inputs = numberedInputs(40);
  recorded.add(inputs.slice(0, 20));
  await simulation.until("it has jobs", () => honest.received.jobs.length > 2);
  const impostor = await simulation.dialingWorker(port, {
    instance: INSTANCE,
    slots: 20,
    answerJob: () => ({ exitCode: 1, output: new Uint8Array() }),
  });
  await recorded.connected(2);
  recorded.add(inputs.slice(20));
  recorded.cluster.end();
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.equal(honest.openConnections, 1);
  assert.equal(countsOf(honest).size, inputs.length);
  assert.deepEqual(recorded.warnings.filter((text) => !text.includes("is set aside")), []);
  assertPolite(honest, impostor);
});

test("a worker that connects after one that has its id is used as well", async (simulation) => {
  const recorded = simulation.cluster();
  const port = recorded.listen();
  const impostor = await simulation.dialingWorker(port, {
    instance: INSTANCE,
    answerJob: () => "silence",
  });
  await recorded.connected(1);
  const honest = await simulation.dialingWorker(port, { instance: INSTANCE });
  await recorded.connected(2);
  const inputs = numberedInputs(20);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assertPolite(honest, impostor);
});

test("many connections under one id are one question to the worker that has it", async (simulation) => {
  const recorded = simulation.cluster();
  const port = recorded.listen();
  const honest = await simulation.dialingWorker(port, { instance: INSTANCE });
  await recorded.connected(1);
  honest.hang();
  const others = await Promise.all(
    Array.from({ length: 20 }, () => simulation.dialingWorker(port, { instance: INSTANCE })),
  );
  await simulation.advance(2_000);
  assert.equal(recorded.cluster.status.workers, 1, "they wait");
  honest.wake();
  await recorded.connected(21);
  assert.equal(honest.received.pings, 1);
  assertPolite(honest, ...others);
});

test("a worker that sends much and does not answer the question keeps nobody waiting for long", async (simulation) => {
  const recorded = simulation.cluster();
  const port = recorded.listen();
  const busy = await simulation.dialingWorker(port, {
    instance: INSTANCE,
    delayMs: 500,
    answersPings: false,
  });
  const inputs = numberedInputs(400);
  recorded.addAll(inputs);
  await recorded.connected(1);
  const other = await simulation.dialingWorker(port, { instance: INSTANCE });
  const { clock } = simulation.network;
  const beganAtMs = clock.now();
  await recorded.connected(2);
  assert(clock.now() - beganAtMs <= 21_000);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assertPolite(busy, other);
});

test("a worker that is excluded under another one's id leaves that one in use", async (simulation) => {
  const recorded = simulation.cluster({ verifiedPart: 1 });
  const port = recorded.listen();
  const delayMs = 5;
  const honest = await simulation.dialingWorker(port, { instance: INSTANCE, delayMs });
  const others = await simulation.workers({ delayMs }, { delayMs });
  for (const other of others) recorded.dial(other);
  await recorded.connected(3);
  const output = new TextEncoder().encode("wrong");
  const impostor = await simulation.dialingWorker(port, {
    instance: INSTANCE,
    answerJob: () => ({ exitCode: 0, output }),
  });
  await recorded.connected(4);
  const inputs = numberedInputs(80);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.equal(impostor.openConnections, 0, "it is excluded");
  assert.equal(honest.openConnections, 1);
});

test("a worker that is dialed is used although another one has connected under its id", async (simulation) => {
  const worker = await simulation.worker({ instance: INSTANCE });
  const recorded = simulation.cluster();
  const port = recorded.listen();
  const impostor = await simulation.dialingWorker(port, {
    instance: INSTANCE,
    answerJob: () => "silence",
  });
  await recorded.connected(1);
  recorded.dial(worker);
  await recorded.connected(2);
  const inputs = numberedInputs(30);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assertPolite(worker, impostor);
});

test("two addresses of one id are both used if keys prove that they are two machines", async (simulation) => {
  const workers = await simulation.workers(...SAME_INSTANCE) as Pair;
  const recorded = simulation.cluster();
  for (const [index, { port }] of workers.entries()) {
    const proof = { kind: "key", machine: `machine ${index}`, name: `node${index}` } as const;
    recorded.cluster.join(await simulation.streamTo(port, proof), `node${index}`);
  }
  await recorded.connected(2);
  assert.equal(recorded.warnings.length, 0);
});
