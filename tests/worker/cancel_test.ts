/** Jobs that their controller takes back, wherever they are by then. */

import assert from "node:assert/strict";
import type { ControllerV2 } from "../fixtures/peers/controller_2.ts";
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
import { Trace } from "./trace.ts";

test("a job that waits for a slot is taken back, and never runs", async () => {
  await using trace = new Trace();
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connect2(worker, "behave");
  const runs = sendLimited(controller, "spin", {}, 99n);
  const waits = sendLimited(controller, `count ${trace.path}`, {}, 100n);
  await isBusy(controller, 1, 1);
  assert.equal((await controller.cancel(100n)).kind, "ok");
  assert.equal(await failed(waits, "cancelled"), "The controller has cancelled the job");
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

test("ten thousand waiting jobs are taken back, last ones first", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connect2(worker, "behave");
  const ids = Array.from({ length: 10_000 }, (_, index) => BigInt(1_000_000 + index));
  void sendLimited(controller, "spin");
  const jobs = ids.map((id) => sendLimited(controller, "echo never", {}, id));
  await isBusy(controller, 1, ids.length);
  await Promise.all(ids.reverse().map((id) => controller.cancel(id)));
  for (const job of jobs) await failed(job, "cancelled");
  await isBusy(controller, 1);
  await worker.kill(); // nobody waits for the job that spins
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
