/** Jobs whose controller is gone: nobody waits for them, so they must not hold a slot for good. */

import assert from "node:assert/strict";
import type { Socket } from "node:net";
import type { ControllerV1 } from "../fixtures/peers/controller_v1.ts";
import { coreBytes } from "../lib/cores.ts";
import { test } from "../lib/test.ts";
import { allIsTaken, connect, connectWith, loadCore, run, send } from "./controllers.ts";
import { startOwnWorker } from "./own_worker.ts";
import { connectRaw, coreMessage, jobMessages, readFrames, reset, versionMessage } from "./raw.ts";

test("an endless job of a controller that is gone gives its slot back", async () => {
  await using worker = await startOwnWorker({ orphanLimitMs: 100 });
  await using stays = await connectWith(worker, "behave");
  const pid = await run(stays, "pid");
  using gone = await startJobs(worker, "spin");
  reset(gone);
  assert.notEqual(await run(stays, "pid"), pid);
});

test("so does one that began only after its controller had gone", async () => {
  await using worker = await startOwnWorker({ orphanLimitMs: 100 });
  await using stays = await connectWith(worker, "behave");
  await showPace(stays);
  const first = run(stays, "sleep 500");
  await allIsTaken(stays);
  using gone = await startJobs(worker, "spin", 20);
  reset(gone);
  assert.equal(await first, "slept");
  assert.equal(await run(stays, "echo next"), "next");
});

test("a short job before an endless one, in one slot, is answered once its controller is gone", async () => {
  await using worker = await startOwnWorker({ orphanLimitMs: 100 });
  await using stays = await connectWith(worker, "behave");
  await showPace(stays);
  // While it sleeps the others pile up. Then the slot reads them together, and holds the first answer.
  const jobs = [run(stays, "sleep 500"), run(stays, "echo short")];
  await allIsTaken(stays);
  using gone = await startJobs(worker, "spin", 20);
  reset(gone);
  assert.deepEqual(await Promise.all(jobs), ["slept", "short"]);
});

test("jobs that wait behind an endless one run once its controller is gone", async () => {
  await using worker = await startOwnWorker({ orphanLimitMs: 100 });
  await using stays = await connectWith(worker, "behave");
  await showPace(stays);
  using gone = await startJobs(worker, "spin");
  const behind = Array.from({ length: 100 }, () => run(stays, "echo behind"));
  await allIsTaken(stays);
  reset(gone);
  assert.deepEqual(await Promise.all(behind), Array(100).fill("behind"));
});

test("a short job of a controller that is gone is finished, and its slot stays", async () => {
  await using worker = await startOwnWorker({ orphanLimitMs: 60_000 });
  await using stays = await connectWith(worker, "behave");
  const pid = await run(stays, "pid");
  using gone = await startJobs(worker, "sleep 500");
  reset(gone);
  assert.equal(await run(stays, "pid"), pid);
});

test("a controller that has ended its sending counts as gone after a while", async () => {
  await using worker = await startOwnWorker({ halfClosedMs: 100, orphanLimitMs: 100 });
  await using controller = await connect(worker);
  await loadCore(controller, "behave");
  const job = send(controller, "spin");
  await controller.halfClose();
  await assert.rejects(job, /closed/);
});

/** Runs quick jobs. From then on the worker sends a slot many at once: some wait behind the one that runs. */
async function showPace(controller: ControllerV1): Promise<void> {
  await Promise.all(Array.from({ length: 1000 }, () => run(controller, "echo quick")));
}

/** Connects, sends jobs, and returns when the worker has taken them. */
async function startJobs(
  worker: { readonly port: number },
  input: string,
  count = 1,
): Promise<Socket & Disposable> {
  const socket = await connectRaw(worker);
  socket.write(coreMessage(0n, "behave", await coreBytes("behave")));
  await readFrames(socket, 1);
  socket.write(jobMessages(1, count, input));
  socket.write(versionMessage(0n));
  await readFrames(socket, 1);
  return socket;
}
