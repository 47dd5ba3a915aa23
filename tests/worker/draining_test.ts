/** A worker of version 2 that is told to end says so, and leaves no job unanswered. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import process from "node:process";
import type { WorkerResponse } from "../fixtures/peers/controller_v1.ts";
import type { ControllerV2 } from "../fixtures/peers/controller_2.ts";
import { concat } from "../fixtures/peers/frames.ts";
import { coreBytes } from "../lib/cores.ts";
import { eventually, startWorker } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { connectWith, loadAllSlots, outputText, run, send } from "./controllers.ts";
import { connect2, failed, isBusy, loadNow, sendLimited, showPace } from "./controllers_2.ts";
import { startOwnWorker } from "./own_worker.ts";
import { connectRaw, coreMessage, jobMessage, readFrames } from "./raw.ts";
import { Trace } from "./trace.ts";

test("jobs that run are finished, those that wait and those that come are refused", async () => {
  await using worker = await startWorker({ slots: 2 });
  await using controller = await connect2(worker, "behave");
  await loadAllSlots(controller, 2);
  const running = ["sleep 1000", "sleep 1500"].map((input) => sendLimited(controller, input));
  await isBusy(controller, 2);
  const waiting = Array.from({ length: 100 }, () => sendLimited(controller, "echo begun"));
  await isBusy(controller, 2, 100);
  worker.signal("SIGTERM");
  await controller.draining;
  const late = [sendLimited(controller, "echo never"), send(controller, "echo never")];
  for (const job of late) {
    assert.equal(await failed(job, "draining"), "The worker is shutting down");
  }
  const refused = await Promise.all(waiting.map((job) => isRefused(job, "begun")));
  assert(refused.filter((job) => job).length >= 40);
  for (const job of running) assert.equal(outputText(await job), "slept");
  assert.deepEqual(await controller.closed, { by: "worker" });
  assert.equal(controller.notices, 1);
  assert.equal(controller.waiting, 0);
  await worker.endsCleanly();
});

test("an idle worker gives notice, closes and ends", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controllers = new Controllers(
    await connect2(worker, "echo"),
    await connect2(worker),
  );
  worker.signal("SIGTERM");
  for (const controller of controllers.all) {
    await controller.draining;
    assert.deepEqual(await controller.closed, { by: "worker" });
  }
  await worker.endsCleanly();
});

test("while it leaves a worker still answers cancels and pings", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connect2(worker, "behave");
  const spins = sendLimited(controller, "spin", {}, 100n);
  await isBusy(controller, 1);
  worker.signal("SIGTERM");
  await controller.draining;
  assert.equal((await loadNow(controller)).slotsBusy, 1);
  await controller.cancel(100n);
  await failed(spins, "cancelled");
  assert.deepEqual(await controller.closed, { by: "worker" });
  await worker.endsCleanly();
});

test("a limit is kept also while a worker leaves", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connect2(worker, "behave");
  const spins = sendLimited(controller, "spin", { timeMs: 1000n });
  await isBusy(controller, 1);
  worker.signal("SIGTERM");
  await failed(spins, "timeout");
  await worker.endsCleanly();
});

test("jobs that a crash puts back into the queue are finished before a worker leaves", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connect2(worker, "behave");
  await showPace(controller);
  // They are all in the slot: begun, as far as the worker knows.
  const first = sendLimited(controller, "sleep 1000");
  const crash = sendLimited(controller, "crash");
  const last = Array.from({ length: 5 }, () => sendLimited(controller, "echo finished"));
  await isBusy(controller, 1, 6);
  worker.signal("SIGTERM");
  await controller.draining;
  assert.equal(outputText(await first), "slept");
  await failed(crash, "crash");
  for (const job of last) await isRefused(job, "finished");
  assert.equal(controller.waiting, 0);
  await worker.endsCleanly();
});

test("a worker leaves also if a slot is lost whose controller does not read its answers", async () => {
  await using trace = new Trace();
  await using worker = await startWorker({ slots: 3 });
  await using controller = await connect2(worker, "behave");
  const pids = await slotPids(controller, 3);
  const spins = sendLimited(controller, "spin", {}, 100n);
  using socket = await connectRaw(worker);
  socket.write(coreMessage(1n, "behave", await coreBytes("behave")));
  await readFrames(socket, 1);
  // The second one's output is more than the worker keeps for who does not read: nothing more runs for it.
  socket.write(concat(jobMessage(2n, `slow-once ${trace.path}`), jobMessage(3n, "huge 100000000")));
  await eventually("the first one runs", () => existsSync(trace.path));
  await isBusy(controller, 2);
  worker.signal("SIGTERM");
  await controller.draining;
  for (const pid of pids) process.kill(pid, "SIGKILL");
  await isBusy(controller, 1);
  await controller.cancel(100n);
  await failed(spins, "cancelled");
  const answers = await readFrames(socket);
  assert.deepEqual(new Set(answers.map(({ id }) => id)), new Set([2n, 3n]));
  await worker.endsCleanly();
});

test("jobs whose core is on its way are refused at once", async () => {
  await using own = await startOwnWorker({ coreLoadLimitMs: 60_000 });
  await using controller = await connect2(own);
  void controller.sendCore("hangs", await coreBytes("init_hangs"));
  const job = sendLimited(controller, "a job");
  await loadNow(controller);
  const drained = own.worker.drain();
  await failed(job, "draining");
  assert.equal((await controller.closed).by, "worker");
  own.worker.kill();
  await drained;
});

test("so are jobs that come for a core on its way when the worker has said that it leaves", async () => {
  await using own = await startOwnWorker({ coreLoadLimitMs: 60_000 });
  await using busy = await connect2(own, "behave");
  const spins = sendLimited(busy, "spin", {}, 100n);
  await isBusy(busy, 1);
  await using controller = await connect2(own);
  void controller.sendCore("hangs", await coreBytes("init_hangs"));
  await loadNow(controller);
  const drained = own.worker.drain();
  await controller.draining;
  const late = [sendLimited(controller, "never"), send(controller, "never")];
  for (const job of late) await failed(job, "draining");
  await busy.cancel(100n);
  await failed(spins, "cancelled");
  assert.equal((await controller.closed).by, "worker");
  own.worker.kill();
  await drained;
});

test("a controller that comes while a worker leaves is not served", async () => {
  await using own = await startOwnWorker();
  await using controller = await connect2(own, "behave");
  const spins = sendLimited(controller, "spin", {}, 100n);
  await isBusy(controller, 1);
  const drained = own.worker.drain();
  await assert.rejects(connect2(own, "behave"));
  await controller.cancel(100n);
  await failed(spins, "cancelled");
  await drained;
});

test("a version 1 controller beside it gets its running job's answer and nothing else", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using old = await connectWith(worker, "behave");
  await using controller = await connect2(worker);
  const runs = send(old, "sleep 1000");
  await isBusy(controller, 1);
  const waits = send(old, "echo never");
  await isBusy(controller, 1, 1);
  worker.signal("SIGTERM");
  await controller.draining;
  const late = send(old, "echo never");
  assert.equal(outputText(await runs), "slept");
  // What is not started is lost with the connection, as version 1 has it.
  await assert.rejects(waits, /closed by the worker/);
  await assert.rejects(late, /closed by the worker/);
  assert.deepEqual(await old.closed, { by: "worker" });
  await worker.endsCleanly();
});

/** The processes of all slots. */
async function slotPids(controller: ControllerV2, slots: number): Promise<number[]> {
  await loadAllSlots(controller, slots);
  return await eventually(`${slots} slots answer`, async () => {
    const jobs = Array.from({ length: 8 * slots }, () => run(controller, "pid"));
    const pids = new Set(await Promise.all(jobs));
    return pids.size === slots && [...pids].map(Number);
  });
}

/**
 * Whether a job is refused; else it has to give this output. A slot already has some of the jobs that
 * wait, nearly half of the last ones: these count as begun.
 */
async function isRefused(job: Promise<WorkerResponse>, output: string): Promise<boolean> {
  const { failure } = await job;
  if (failure === undefined) assert.equal(outputText(await job), output);
  else await failed(job, "draining");
  return failure !== undefined;
}

/** Controllers that are closed together. */
class Controllers implements AsyncDisposable {
  readonly all: ControllerV2[];

  constructor(...all: ControllerV2[]) {
    this.all = all;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const controller of this.all) await controller.close();
  }
}
