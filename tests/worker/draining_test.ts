/** Draining: a worker that is asked to end sends a notice in version 2, and leaves no job unanswered. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import process from "node:process";
import type { ControllerV2 } from "../fixtures/peers/controller_2.ts";
import { concat } from "../fixtures/peers/frames.ts";
import { askWorker } from "../../controller/workers/worker_question.ts";
import { detectRuntime } from "../../runtime/detect.ts";
import { workerAnswer } from "../../watch/worker_answer.ts";
import { coreBytes } from "../lib/cores.ts";
import { eventually, startWorker } from "../lib/processes.ts";
import { programTest, test } from "../lib/test.ts";
import { connectWith, fakeCore, outputText, run, send } from "./controllers.ts";
import { connect2, failed, isBusy, loadNow, sendLimited, showPaceIn } from "./controllers_2.ts";
import { elapse, startFakeWorker } from "./own_worker.ts";
import { connectRaw, coreMessage, jobMessage, readFrames } from "./raw.ts";
import { Trace } from "./trace.ts";

test("jobs that run are finished, those that wait and those that come are refused", async () => {
  await using own = await startFakeWorker({ slots: 2 });
  await using controller = await connect2(own, "behave");
  const running = ["sleep 1000", "sleep 1500"].map((input) => sendLimited(controller, input));
  const waiting = Array.from({ length: 100 }, () => sendLimited(controller, "echo never"));
  await isBusy(controller, 2, 100);
  const drained = own.worker.drain();
  await controller.draining;
  const late = [sendLimited(controller, "echo never"), send(controller, "echo never")];
  for (const job of [...waiting, ...late]) {
    assert.equal(await failed(job, "draining"), "The worker is shutting down");
  }
  for (const job of await elapse(own.clock, Promise.all(running))) {
    assert.equal(outputText(job), "slept");
  }
  await elapse(own.clock, drained);
  assert.deepEqual(await controller.closed, { by: "worker" });
  assert.equal(controller.notices, 1);
  assert.equal(controller.waiting, 0);
});

test("an idle worker gives notice, closes and ends", async () => {
  await using own = await startFakeWorker({ slots: 1 });
  await using one = await connect2(own, "echo");
  await using two = await connect2(own);
  const drained = own.worker.drain();
  for (const controller of [one, two]) {
    await controller.draining;
    assert.deepEqual(await controller.closed, { by: "worker" });
  }
  await elapse(own.clock, drained);
  assert(own.fakes.started.every(({ isGone, isKilled }) => isGone && !isKilled));
});

test("while it drains a worker still answers cancels and pings", async () => {
  await using own = await startFakeWorker();
  await using controller = await connect2(own, "behave");
  const spins = sendLimited(controller, "spin", {}, 100n);
  await isBusy(controller, 1);
  const drained = own.worker.drain();
  await controller.draining;
  assert.equal((await loadNow(controller)).slotsBusy, 1);
  await controller.cancel(100n);
  await failed(spins, "cancelled");
  await elapse(own.clock, drained);
  assert.deepEqual(await controller.closed, { by: "worker" });
});

test("a limit is kept also while a worker drains", async () => {
  await using own = await startFakeWorker();
  await using controller = await connect2(own, "behave");
  const spins = sendLimited(controller, "spin", { timeMs: 1000n });
  await isBusy(controller, 1);
  const drained = own.worker.drain();
  await elapse(own.clock, failed(spins, "timeout"));
  await elapse(own.clock, drained);
});

test("a worker that drains finishes the jobs that a crash has put back into the queue", async () => {
  await using own = await startFakeWorker();
  await using controller = await connect2(own, "behave");
  await showPaceIn(own.clock, controller);
  const first = sendLimited(controller, "sleep 10");
  const crash = sendLimited(controller, "crash");
  const behind = Array.from({ length: 20 }, () => sendLimited(controller, "echo finished"));
  await isBusy(controller, 1, 21);
  const inSlot = own.fakes.started.at(-1)?.inputs.filter((input) => input === "echo finished");
  const drained = own.worker.drain();
  await controller.draining;
  assert.equal(outputText(await elapse(own.clock, first)), "slept");
  await elapse(own.clock, failed(crash, "crash"));
  const ends = await elapse(own.clock, Promise.all(behind));
  const finished = ends.filter(({ failure }) => failure === undefined);
  assert(finished.length > 5);
  assert.equal(finished.length, inSlot?.length, "those count as started that a slot had");
  for (const job of finished) assert.equal(outputText(job), "finished");
  await elapse(own.clock, drained);
});

test("a worker that drains hands back the jobs behind a core that never gets done with freeing an output, and ends", async () => {
  await using own = await startFakeWorker();
  await using controller = await connect2(own, "behave");
  await showPaceIn(own.clock, controller);
  const frees = sendLimited(controller, "frees");
  const behind = sendLimited(controller, "echo never", { timeMs: 600_000n });
  assert.equal(outputText(await elapse(own.clock, frees)), "done");
  await isBusy(controller, 1);
  const drainedAtMs = own.clock.now();
  const drained = own.worker.drain();
  await elapse(own.clock, failed(behind, "draining"));
  await elapse(own.clock, drained);
  assert(own.clock.now() - drainedAtMs < 7_000);
  assert.deepEqual(await controller.closed, { by: "worker" });
});

test("a worker whose slots are all blocked refuses the jobs of a lost slot", async () => {
  // Virtual minutes pass while the files of the core are checked on a slow disk, and nobody pings.
  await using own = await startFakeWorker({ isUnkillable: true, controllerSilentMsMax: 6_000_000 });
  await using controller = await connect2(own, "behave");
  for (let time = 0; time < 2; time++) await elapse(own.clock, failed(sendSpin(), "timeout"), 500);
  await showPaceIn(own.clock, controller);
  const spins = sendSpin();
  const behind = Array.from({ length: 20 }, () => sendLimited(controller, "echo never"));
  await isBusy(controller, 1, 20);
  const drained = own.worker.drain();
  await elapse(own.clock, failed(spins, "timeout"), 500);
  for (const job of behind) await failed(job, "draining");
  await elapse(own.clock, drained);

  function sendSpin() {
    return sendLimited(controller, "spin", { timeMs: 1000n });
  }
});

test("a worker that drains and can start no process refuses the jobs of a lost slot, and ends", async () => {
  await using own = await startFakeWorker();
  await using controller = await connect2(own, "behave");
  const first = sendLimited(controller, "spin");
  const second = sendLimited(controller, "echo never");
  await isBusy(controller, 1, 1);
  own.fakes.cannotStart = true;
  const drained = own.worker.drain();
  await controller.draining;
  own.fakes.running.at(-1)?.vanish();
  for (const job of [first, second]) await elapse(own.clock, failed(job, "draining"));
  await elapse(own.clock, drained);
  assert.deepEqual(await controller.closed, { by: "worker" });
});

programTest(
  "a draining worker ends even if it loses a slot whose controller does not read its answers",
  async () => {
    await using trace = new Trace();
    await using worker = await startWorker({ slots: 3 });
    await using controller = await connect2(worker, "behave");
    const pids = await slotPids(controller, 3);
    const spins = sendLimited(controller, "spin", {}, 100n);
    using socket = await connectRaw(worker);
    socket.write(coreMessage(1n, "behave", await coreBytes("behave")));
    await readFrames(socket, 1);
    // The second one's output is more than the worker keeps for who does not read: nothing more runs for it.
    socket.write(
      concat(jobMessage(2n, `slow-once ${trace.path}`), jobMessage(3n, "huge 100000000")),
    );
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
  },
);

test("jobs whose core is loading are refused at once", async () => {
  await using own = await startFakeWorker();
  await using controller = await connect2(own);
  void controller.sendCore("hangs", await fakeCore("hangs"));
  const job = sendLimited(controller, "a job");
  await loadNow(controller);
  const drained = own.worker.drain();
  await failed(job, "draining");
  assert.equal((await controller.closed).by, "worker");
  own.worker.kill();
  await elapse(own.clock, drained);
});

test("jobs that come for a core that is loading while the worker drains are refused", async () => {
  await using own = await startFakeWorker();
  await using busy = await connect2(own, "behave");
  const spins = sendLimited(busy, "spin", {}, 100n);
  await isBusy(busy, 1);
  await using controller = await connect2(own);
  void controller.sendCore("hangs", await fakeCore("hangs"));
  await loadNow(controller);
  const drained = own.worker.drain();
  await controller.draining;
  const late = [sendLimited(controller, "never"), send(controller, "never")];
  for (const job of late) await failed(job, "draining");
  await busy.cancel(100n);
  await failed(spins, "cancelled");
  await elapse(own.clock, drained);
  assert.equal((await controller.closed).by, "worker");
});

test("a controller that comes while a worker drains is not served", async () => {
  await using own = await startFakeWorker();
  await using controller = await connect2(own, "behave");
  const spins = sendLimited(controller, "spin", {}, 100n);
  await isBusy(controller, 1);
  const drained = own.worker.drain();
  await assert.rejects(connect2(own, "behave"));
  await assert.rejects(connectWith(own, "behave"));
  await controller.cancel(100n);
  await failed(spins, "cancelled");
  await elapse(own.clock, drained);
});

test("a worker says what it is doing while it drains, and that it takes no more jobs", async () => {
  await using own = await startFakeWorker({ slots: 2 });
  await using controller = await connect2(own, "behave");
  const spins = sendLimited(controller, "spin", {}, 100n);
  await isBusy(controller, 1);
  const drained = own.worker.drain();
  const address = { kind: "tcp", host: "127.0.0.1", port: own.port } as const;
  const state = workerAnswer(
    await askWorker({ ...await detectRuntime(), clock: own.clock }, address),
    0,
  );
  assert.deepEqual([state.isDraining, state.slots, state.slotsBusy], [true, 2, 1]);
  await controller.cancel(100n);
  await failed(spins, "cancelled");
  await elapse(own.clock, drained);
});

test("a version 1 controller gets the answer of its running job and nothing else", async () => {
  await using own = await startFakeWorker();
  await using old = await connectWith(own, "behave");
  await using controller = await connect2(own);
  const runs = send(old, "sleep 1000");
  await isBusy(controller, 1);
  const waits = send(old, "echo never");
  await isBusy(controller, 1, 1);
  const drained = own.worker.drain();
  await controller.draining;
  const late = send(old, "echo never");
  assert.equal(outputText(await elapse(own.clock, runs)), "slept");
  // What is not started is lost with the connection, as version 1 has it.
  await assert.rejects(waits, /closed by the worker/);
  await assert.rejects(late, /closed by the worker/);
  assert.deepEqual(await old.closed, { by: "worker" });
  await elapse(own.clock, drained);
});

/** The processes of all slots. */
async function slotPids(controller: ControllerV2, slots: number): Promise<number[]> {
  return await eventually(`${slots} slots answer`, async () => {
    const jobs = Array.from({ length: 8 * slots }, () => run(controller, "pid"));
    const pids = new Set(await Promise.all(jobs));
    return pids.size === slots && [...pids].map(Number);
  });
}
