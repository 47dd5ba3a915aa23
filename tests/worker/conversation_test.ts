/** A worker and one controller that both follow the specification. */

import assert from "node:assert/strict";
import { ControllerV2 } from "../fixtures/peers/controller_2.ts";
import { jobResult } from "../fixtures/peers/controller_v1.ts";
import { randomSource, utf8 } from "../fixtures/peers/frames.ts";
import { coreBytes } from "../lib/cores.ts";
import { test } from "../lib/test.ts";
import {
  connect,
  connectWith,
  failureOf,
  fakeCore,
  loadCore,
  outputText,
  run,
  send,
} from "./controllers.ts";
import { connect2 } from "./controllers_2.ts";
import { elapse, startFakeWorker, startOwnWorker } from "./own_worker.ts";

test("a worker accepts version 1, also later and again", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connect(worker);
  assert.deepEqual([...(await controller.exchangeVersion(1)).payload], [1]);
  await loadCore(controller, "echo");
  assert.deepEqual([...(await controller.exchangeVersion(1)).payload], [1]);
  assert.equal(await run(controller, "after it"), "after it");
});

test("a worker serves a controller that skips the version exchange", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connectWith(worker, "echo");
  assert.equal(await run(controller, "straight to work"), "straight to work");
});

test("a worker refuses any other version with 0 and closes, whatever follows", async () => {
  await using worker = await startFakeWorker();
  const echo = await coreBytes("echo");
  for (const version of [0, 3, 256, 2 ** 32 - 1]) {
    await using controller = await connect(worker);
    const refused = controller.exchangeVersion(version);
    const ignored = controller.sendCore("echo", echo);
    assert.deepEqual([...(await refused).payload], [0]);
    assert.deepEqual(await controller.closed, { by: "worker" });
    await assert.rejects(ignored);
  }
});

test("a connection that has agreed on version 2 keeps it: a worker refuses version 1 then, and closes", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connect2(worker, "echo");
  await controller.askForUsage();
  assert.deepEqual([...(await controller.exchangeVersion(2)).payload], [1]);
  assert.equal(await run(controller, "after it"), "after it");
  assert.deepEqual([...(await controller.exchangeVersion(1)).payload], [0]);
  assert.deepEqual(await controller.closed, { by: "worker" });
});

test("a connection that has agreed on version 1 may agree on version 2 later, and has its messages from then on", async () => {
  await using worker = await startFakeWorker();
  await using controller = await ControllerV2.connect(worker.port);
  assert.deepEqual([...(await controller.exchangeVersion(1)).payload], [1]);
  await loadCore(controller, "echo");
  assert.equal((await controller.ping()).kind, "error");
  assert.deepEqual([...(await controller.exchangeVersion(2)).payload], [1]);
  assert.equal((await controller.ping()).kind, "ok");
  assert.equal(await run(controller, "after it"), "after it");
});

test("a worker answers every one of many pipelined jobs, each under its own id", async () => {
  await using worker = await startOwnWorker({ slots: 2 });
  await using controller = await connectWith(worker, "echo");
  const random = randomSource(1);
  const inputs = Array.from({ length: 2000 }, (_, index) => {
    const bytes = new Uint8Array(Math.floor(2 ** (15 * random())));
    return bytes.fill(index);
  });
  const answers = inputs.map((input, index) => controller.sendJob(BigInt(index), input));
  for (const [index, answer] of answers.entries()) {
    assert.deepEqual(jobResult(await answer).output, inputs[index]);
  }
});

test("ids beyond 2^53 come back as they were sent", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connectWith(worker, "echo");
  const ids = [
    2n ** 53n - 1n,
    2n ** 53n,
    2n ** 53n + 1n,
    2n ** 63n,
    2n ** 64n - 2n,
    2n ** 64n - 1n,
  ];
  const answers = ids.map((id) => controller.sendJob(id, utf8(String(id)), id));
  for (const [index, answer] of answers.entries()) {
    assert.equal((await answer).id, ids[index]);
    assert.equal(outputText(await answer), String(ids[index]));
  }
});

test("an id may be used again once it is answered", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connectWith(worker, "echo");
  for (const input of ["once", "and again"]) {
    assert.equal(outputText(await controller.sendJob(5n, utf8(input), 5n)), input);
  }
});

test("jobs run at once, as many as the worker has slots, and a short one overtakes long ones", async () => {
  await using worker = await startFakeWorker({ slots: 3 });
  await using controller = await connectWith(worker, "behave");
  void send(controller, "spin");
  void send(controller, "spin");
  // The third slot is the only one that can answer.
  const pids = new Set<string>();
  for (let job = 0; job < 3; job++) pids.add(await run(controller, "pid"));
  assert.equal(pids.size, 1);
  assert.equal(controller.waiting, 2);
});

test("a job before any core is refused, and the connection stays", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connect(worker);
  assert.match(await failureOf(controller, "too early"), /no compute core/i);
  await loadCore(controller, "echo");
  assert.equal(await run(controller, "in time"), "in time");
});

test("a controller that has ended its sending still gets every answer", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connect(worker);
  const core = controller.sendCore("behave", await coreBytes("behave"));
  const answers = ["sleep 200", "huge 5000000", "echo last"].map((job) => send(controller, job));
  await controller.halfClose();
  assert.equal((await core).kind, "ok");
  for (const { kind } of await elapse(worker.clock, Promise.all(answers))) {
    assert.equal(kind, "ok");
  }
  assert.equal((await controller.closed).error, undefined);
});

test("a controller that closes its sending side after a core learns whether the core is loaded", async () => {
  await using worker = await startFakeWorker();
  for (const [core, kind] of [["echo", "ok"], ["refuses", "error"]] as const) {
    await using controller = await connect(worker);
    const answer = controller.sendCore(core, await fakeCore(core));
    await controller.halfClose();
    assert.equal((await answer).kind, kind);
    assert.equal((await controller.closed).error, undefined);
  }
});

test("a controller that closes its sending side with nothing unanswered is disconnected", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connectWith(worker, "echo");
  await run(controller, "all there is");
  await controller.halfClose();
  assert.equal((await controller.closed).error, undefined);
});
