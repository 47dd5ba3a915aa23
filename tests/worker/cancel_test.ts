/** Jobs that their controller cancels: waiting, running or done. */

import assert from "node:assert/strict";
import type { ControllerV2 } from "../fixtures/peers/controller_2.ts";
import { concat, KIND_ERROR, OK } from "../fixtures/peers/frames.ts";
import { coreBytes } from "../lib/cores.ts";
import { test } from "../lib/test.ts";
import { outputText, run } from "./controllers.ts";
import {
  allGive,
  connect2,
  failed,
  isBusy,
  loadNow,
  sendLimited,
  showPaceIn,
} from "./controllers_2.ts";
import { elapse, startFakeWorker, startOwnWorker, startTimedWorker } from "./own_worker.ts";
import {
  cancelMessages,
  connectRaw,
  coreMessage,
  jobMessage,
  jobMessages,
  readFrames,
  versionMessage,
} from "./raw.ts";
import { Trace } from "./trace.ts";

/** How long a canceled job may still run, and how often the worker looks. */
const CANCELED_LIMIT_MS = 200;
const TICK_MS = 250;

/** By then the slot of a canceled job has been killed. */
const KILLED_MS = CANCELED_LIMIT_MS + 2 * TICK_MS;

test("a job that waits for a slot never runs once it is canceled", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connect2(worker, "behave");
  const runs = sendLimited(controller, "spin", {}, 99n);
  const waits = sendLimited(controller, "echo waits", {}, 100n);
  await isBusy(controller, 1, 1);
  assert.equal((await controller.cancel(100n)).kind, "ok");
  assert.equal(await failed(waits, "cancelled"), "The controller has canceled the job");
  await controller.cancel(99n);
  await failed(runs, "cancelled");
  await worker.clock.advance(KILLED_MS);
  assert.equal(await run(controller, "echo next"), "next");
  assert.deepEqual(worker.fakes.started.flatMap(({ inputs }) => inputs), ["spin", "echo next"]);
});

test("a job that runs is answered at once when it is canceled, and its slot is free soon", async () => {
  await using worker = await startTimedWorker();
  await using controller = await connect2(worker, "behave");
  const spins = sendLimited(controller, "spin", {}, 100n);
  await isBusy(controller, 1);
  await controller.cancel(100n);
  await failed(spins, "cancelled");
  await worker.clock.advance(KILLED_MS);
  assert.equal(await run(controller, "echo next"), "next");
  await worker.logs(/killed: its job was canceled/);
});

test("the other jobs of a slot whose running job is canceled still finish", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connect2(worker, "behave");
  await showPaceIn(worker.clock, controller);
  const before = echoes(controller, 50);
  const spins = sendLimited(controller, "spin", {}, 100_000n);
  const behind = echoes(controller, 50);
  await loadNow(controller);
  await controller.cancel(100_000n);
  await failed(spins, "cancelled");
  await worker.clock.advance(KILLED_MS);
  await allGive([...before, ...behind], "unharmed");
});

test("a canceled job that ends soon costs no slot: its core stays loaded", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connect2(worker, "behave");
  const pid = await run(controller, "pid");
  const job = sendLimited(controller, `sleep ${CANCELED_LIMIT_MS - 1}`, {}, 100n);
  await controller.cancel(100n);
  await failed(job, "cancelled");
  await worker.clock.advance(KILLED_MS);
  assert.equal(await run(controller, "pid"), pid);
});

test("jobs are canceled while their core loads, even when another core is sent behind it", async () => {
  await using worker = await startFakeWorker({ coreLoadLimitMs: 1000 });
  await using controller = await connect2(worker);
  const hangs = controller.sendCore("hangs", await coreBytes("init_hangs"));
  const first = sendLimited(controller, "of the first", {}, 100n);
  const loads = controller.sendCore("echo", await coreBytes("echo"));
  const second = sendLimited(controller, "of the second", {}, 101n);
  const stays = sendLimited(controller, "stays");
  await Promise.all([controller.cancel(100n), controller.cancel(101n)]);
  await failed(first, "cancelled");
  await failed(second, "cancelled");
  assert.equal((await elapse(worker.clock, loads)).kind, "ok");
  await failed(elapse(worker.clock, hangs), "core");
  assert.equal(outputText(await elapse(worker.clock, stays)), "stays");
});

test("canceling an id that no unanswered job has is no error, and neither is doing it twice", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connect2(worker, "behave");
  const done = sendLimited(controller, "echo done", {}, 100n);
  assert.equal(outputText(await done), "done");
  const spins = sendLimited(controller, "spin", {}, 101n);
  const never = 2n ** 64n - 1n;
  const ids = [100n, 101n, 101n, never, 0n];
  const cancels = await Promise.all(ids.map((id) => controller.cancel(id)));
  assert.deepEqual(cancels.map(({ kind }) => kind), ids.map(() => "ok"));
  await failed(spins, "cancelled");
  await controller.cancel(101n);
  await worker.clock.advance(KILLED_MS);
  assert.equal(await run(controller, "echo next"), "next");
});

test("a cancel does not reach a job of another connection", async () => {
  await using worker = await startFakeWorker();
  await using one = await connect2(worker, "behave");
  await using two = await connect2(worker, "behave");
  const job = sendLimited(one, "sleep 300", {}, 100n);
  await loadNow(one);
  await two.cancel(100n);
  await worker.clock.advance(300);
  assert.equal(outputText(await job), "slept");
});

for (const where of ["a slot", "their core"] as const) {
  test(`10,000 jobs that wait for ${where} and as many cancels, from the back and of none, are each answered once`, async () => {
    await using worker = await startFakeWorker({ coreLoadLimitMs: 60_000 });
    using socket = await connectRaw(worker);
    socket.write(concat(versionMessage(0n, 2), await coreFor(where)));
    const ids = Array.from({ length: JOBS }, (_, index) => 10 + index);
    const unknown = ids.map((id) => id + 10 * JOBS);
    socket.write(concat(
      jobMessages(10, JOBS, "spin"),
      cancelMessages(2 * JOBS, ids.toReversed()),
      cancelMessages(3 * JOBS, unknown),
    ));
    const count = 3 * JOBS + (where === "a slot" ? 2 : 1);
    const answers = await elapse(worker.clock, readFrames(socket, count));
    const canceled = answers.filter(({ type }) => type === KIND_ERROR).map(({ id }) => Number(id));
    assert.deepEqual(canceled, ids.toReversed());
    const done = answers.filter(({ type, id }) => type === OK && id >= 10n);
    assert.equal(new Set(done.map(({ id }) => id)).size, 2 * JOBS);
    assert.equal(done.length, 2 * JOBS);
  });
}

const JOBS = 10_000;

/** A core that jobs wait for, or with which the first of them never ends. */
async function coreFor(where: "a slot" | "their core"): Promise<Uint8Array> {
  return coreMessage(1n, where === "a slot" ? "behave" : "hangs", await coreBytes("behave"));
}

test("two jobs with one id are both answered, whichever of them is canceled", async () => {
  await using worker = await startFakeWorker();
  using socket = await connectRaw(worker);
  socket.write(concat(versionMessage(0n, 2), coreMessage(1n, "behave", await coreBytes("behave"))));
  socket.write(jobMessage(2n, "spin"));
  // The first two are there before the worker hears of any cancel, and the others after it has.
  for (const id of [5, 6]) {
    const twins = concat(jobMessage(BigInt(id), "echo"), jobMessage(BigInt(id), "echo"));
    socket.write(concat(twins, cancelMessages(10 * id, [id, id])));
  }
  socket.write(cancelMessages(100, [2]));
  const answers = await elapse(worker.clock, readFrames(socket, 12));
  for (const id of [5n, 6n]) {
    const types = answers.filter((answer) => answer.id === id).map(({ type }) => type);
    assert.deepEqual(types, [KIND_ERROR, OK]);
  }
  assert.equal(new Set(answers.map(({ id }) => id)).size, 10);
});

test("a core is unloaded properly when the jobs of its controller were canceled", async () => {
  await using trace = new Trace();
  await using worker = await startOwnWorker();
  await using controller = await connect2(worker, "destructor");
  await run(controller, trace.path);
  for (let id = 100n; id < 110n; id++) {
    const job = controller.sendLimitedJob(new TextEncoder().encode(trace.path), {}, id);
    await controller.cancel(id);
    await job;
  }
  await controller.close();
  await trace.matches(/^unloaded \d+\n$/);
});

function echoes(controller: ControllerV2, count: number) {
  return Array.from({ length: count }, () => sendLimited(controller, "echo unharmed"));
}
