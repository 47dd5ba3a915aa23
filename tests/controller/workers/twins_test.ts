/** Workers that are here under two addresses, or twice under one. */

import assert from "node:assert/strict";
import { KINDS } from "../../fixtures/peers/frames.ts";
import { ScriptedWorker2 } from "../../fixtures/peers/scripted_worker_2.ts";
import { eventually } from "../../lib/processes.ts";
import { test } from "../../lib/test.ts";
import { assertPolite, numberedInputs, RecordedCluster } from "../cluster/clusters.ts";

const LIMITS = { hopeMs: 20_000, versionMs: 2_000 };
const INSTANCE = "00112233445566778899aabbccddeeff";

test("a worker that has two addresses is used under one of them, and the other is told", async () => {
  await using one = await ScriptedWorker2.start({ instance: INSTANCE });
  await using other = await ScriptedWorker2.start({ instance: INSTANCE });
  using recorded = await RecordedCluster.make(LIMITS);
  const inputs = numberedInputs(30);
  recorded.dial(one);
  recorded.dial(other);
  await eventually("one is told", () => recorded.warnings.length > 0);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  const names = [one, other].map(({ port }) => `127.0.0.1:${port}`);
  const used = one.received.jobs.length > 0 ? 0 : 1;
  assert.deepEqual(recorded.warnings, [
    `cannot use worker ${names[1 - used]}: it is the same worker as ${
      names[used]
    }, and is used once`,
  ]);
  assert.equal([one, other][1 - used]?.received.jobs.length, 0);
  assert.equal([one, other][1 - used]?.connections, 1, "it is not dialled again");
  assertPolite(one, other);
});

test("a guest that connects again replaces its old connection, whose jobs run once more", async () => {
  await using guest = await dialling({ slots: 2 });
  const { recorded, worker } = guest;
  const inputs = numberedInputs(20);
  worker.hold();
  recorded.addAll(inputs);
  await eventually("it is at work", () => worker.slots.waiting === 2);
  await worker.dial(guest.port);
  await eventually("it has a second connection's jobs", () => worker.received.jobs.length >= 8);
  assert.equal(worker.openConnections, 1);
  worker.release();
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.equal(recorded.cluster.status.workers, 1);
  assert.equal(recorded.warnings.length, 1);
  assert.match(
    recorded.warnings[0] ?? "",
    /it has connected again; 4 jobs run as soon as there is a worker/,
  );
  assertPolite(worker);
});

test("a worker that is dialled and dials itself is used once", async () => {
  await using worker = await ScriptedWorker2.start();
  using recorded = await RecordedCluster.make(LIMITS);
  const port = recorded.listen();
  const inputs = numberedInputs(30);
  await worker.dial(port);
  await recorded.connected(1);
  recorded.dial(worker);
  await eventually("it is told", () => recorded.warnings.length > 0);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.equal(worker.openConnections, 1);
  assert.match(recorded.warnings[0] ?? "", /it is the same worker as .*, and is used once/);
  assertPolite(worker);
});

/** A cluster, and a guest that has dialled it. */
async function dialling(options: { slots: number }) {
  const recorded = await RecordedCluster.make(LIMITS);
  const port = recorded.listen();
  const worker = await ScriptedWorker2.dialing(port, options);
  return {
    recorded,
    port,
    worker,
    async [Symbol.asyncDispose]() {
      recorded.cluster.close();
      await worker.close();
    },
  };
}

test("a worker that was given up is tried again when it is named again", async () => {
  await using worker = await ScriptedWorker2.start({
    answerCore: () => ({ kind: KINDS.core, text: "no memory just now" }),
  });
  await using other = await ScriptedWorker2.start();
  using recorded = await RecordedCluster.make(LIMITS);
  recorded.dial(other);
  recorded.dial(worker);
  recorded.addAll(numberedInputs(2));
  await recorded.completed(2);
  await eventually(
    "it is given up",
    () => recorded.warnings.some((text) => /no memory/.test(text)),
  );
  worker.script.answerCore = () => undefined;
  recorded.dial(worker);
  await eventually("it is used", () => recorded.cluster.status.workers === 2);
});
