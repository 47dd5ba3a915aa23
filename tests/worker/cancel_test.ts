/** Jobs that their controller takes back, wherever they are by then. */

import assert from "node:assert/strict";
import type { ControllerV2 } from "../fixtures/peers/controller_2.ts";
import { concat, KIND_ERROR, OK } from "../fixtures/peers/frames.ts";
import { coreBytes } from "../lib/cores.ts";
import { startWorker } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { outputText, run } from "./controllers.ts";
import {
  allGive,
  connect2,
  failed,
  isBusy,
  loadNow,
  sendLimited,
  showPace,
  timed,
} from "./controllers_2.ts";
import { startOwnWorker } from "./own_worker.ts";
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

test("a job that waits for a slot is taken back, and never runs", async () => {
  await using trace = new Trace();
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connect2(worker, "behave");
  const runs = sendLimited(controller, "spin", {}, 99n);
  const waits = sendLimited(controller, `count ${trace.path}`, {}, 100n);
  await isBusy(controller, 1, 1);
  assert.equal((await controller.cancel(100n)).kind, "ok");
  assert.equal(await failed(waits, "cancelled"), "The controller has canceled the job");
  await controller.cancel(99n);
  await failed(runs, "cancelled");
  assert.equal(await run(controller, "echo next"), "next");
  assert.equal(await trace.text(), "");
});

test("a job that runs is answered at once, and its slot is free soon", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connect2(worker, "behave");
  const spins = sendLimited(controller, "spin", {}, 100n);
  await isBusy(controller, 1);
  await controller.cancel(100n);
  await failed(spins, "cancelled");
  const tookMs = await timed(run(controller, "echo next"));
  assert(tookMs < 3000, `the slot was free after ${tookMs} ms only`);
});

test("jobs beside a cancelled one that runs are done all the same", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connect2(worker, "behave");
  await showPace(controller);
  const before = echoes(controller, 50);
  const spins = sendLimited(controller, "spin", {}, 100_000n);
  const behind = echoes(controller, 50);
  await loadNow(controller);
  await controller.cancel(100_000n);
  await failed(spins, "cancelled");
  await allGive([...before, ...behind], "unharmed");
});

test("a short job that is taken back while it runs costs no slot: its core stays", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connect2(worker, "behave");
  const pid = await run(controller, "pid");
  const job = sendLimited(controller, "sleep 20", {}, 100n);
  await controller.cancel(100n);
  await job;
  assert.equal(await run(controller, "pid"), pid);
});

test("jobs are taken back while their core is on its way, also when another one is behind it", async () => {
  await using worker = await startOwnWorker({ coreLoadLimitMs: 1000 });
  await using controller = await connect2(worker);
  const hangs = controller.sendCore("hangs", await coreBytes("init_hangs"));
  const first = sendLimited(controller, "of the first", {}, 100n);
  const loads = controller.sendCore("echo", await coreBytes("echo"));
  const second = sendLimited(controller, "of the second", {}, 101n);
  const stays = sendLimited(controller, "stays");
  await Promise.all([controller.cancel(100n), controller.cancel(101n)]);
  await failed(first, "cancelled");
  await failed(second, "cancelled");
  await failed(hangs, "core");
  assert.equal((await loads).kind, "ok");
  assert.equal(outputText(await stays), "stays");
});

test("a cancel of what is not waiting is no error, twice neither", async () => {
  await using worker = await startWorker({ slots: 1 });
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
  assert.equal(await run(controller, "echo next"), "next");
});

test("an id of another connection is not taken back", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using one = await connect2(worker, "behave");
  await using two = await connect2(worker, "behave");
  const job = sendLimited(one, "sleep 300", {}, 100n);
  await loadNow(one);
  await two.cancel(100n);
  assert.equal(outputText(await job), "slept");
});

for (const where of ["a slot", "their core"] as const) {
  test(`65,536 jobs that wait for ${where} and as many cancels, from the back and of none, are each answered once`, async () => {
    await using worker = await startOwnWorker({ coreLoadLimitMs: 60_000 });
    using socket = await connectRaw(worker);
    socket.write(concat(versionMessage(0n, 2), await coreFor(where)));
    const ids = Array.from({ length: JOBS }, (_, index) => 10 + index);
    const unknown = ids.map((id) => id + 10 * JOBS);
    socket.write(concat(
      jobMessages(10, JOBS, "spin"),
      cancelMessages(2 * JOBS, ids.toReversed()),
      cancelMessages(3 * JOBS, unknown),
    ));
    const answers = await readFrames(socket, 3 * JOBS + (where === "a slot" ? 2 : 1));
    const cancelled = answers.filter(({ type }) => type === KIND_ERROR).map(({ id }) => Number(id));
    assert.deepEqual(cancelled, ids.toReversed());
    const done = answers.filter(({ type, id }) => type === OK && id >= 10n);
    assert.equal(new Set(done.map(({ id }) => id)).size, 2 * JOBS);
    assert.equal(done.length, 2 * JOBS);
  });
}

/** As many as may be unanswered. */
const JOBS = 65_536;

/** A core that jobs wait for, or with which the first of them never ends. */
async function coreFor(where: "a slot" | "their core"): Promise<Uint8Array> {
  const name = where === "a slot" ? "behave" : "init_hangs";
  return coreMessage(1n, name, await coreBytes(name));
}

test("two jobs with one id are answered both, whichever of them is taken back", async () => {
  await using worker = await startOwnWorker();
  using socket = await connectRaw(worker);
  socket.write(concat(versionMessage(0n, 2), coreMessage(1n, "behave", await coreBytes("behave"))));
  socket.write(jobMessage(2n, "spin"));
  // The first two are there before the worker hears of any cancel, and the others after it has.
  for (const id of [5, 6]) {
    const twins = concat(jobMessage(BigInt(id), "echo"), jobMessage(BigInt(id), "echo"));
    socket.write(concat(twins, cancelMessages(10 * id, [id, id])));
  }
  socket.write(cancelMessages(100, [2]));
  const answers = await readFrames(socket, 12);
  for (const id of [5n, 6n]) {
    const types = answers.filter((answer) => answer.id === id).map(({ type }) => type);
    assert.deepEqual(types, [KIND_ERROR, OK]);
  }
  assert.equal(new Set(answers.map(({ id }) => id)).size, 10);
});

test("a core is unloaded properly when the jobs of its controller were taken back", async () => {
  await using trace = new Trace();
  await using worker = await startWorker({ slots: 1 });
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
