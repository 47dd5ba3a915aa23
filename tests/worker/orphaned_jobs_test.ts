/** Jobs of disconnected controllers: their results are not wanted, so that they must not hold a slot forever. */

import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { coreBytes } from "../lib/cores.ts";
import { test } from "../lib/test.ts";
import { allIsTaken, connect, connectWith, loadCore, run, send } from "./controllers.ts";
import { showPaceIn } from "./controllers_2.ts";
import { elapse, type OwnWorker, startFakeWorker, startTimedWorker } from "./own_worker.ts";
import { connectRaw, coreMessage, jobMessages, readFrames, reset, versionMessage } from "./raw.ts";

/** How long a controller that has ended its sending gets answers. */
const HALF_CLOSED_MS = 30_000;

/** How long an orphaned job may run on, and how often the worker looks. */
const ORPHAN_LIMIT_MS = 5_000;
const TICK_MS = 250;

test("an endless job of a disconnected controller gives its slot back", async () => {
  await using worker = await startTimedWorker();
  await using stays = await connectWith(worker, "behave");
  const pid = await run(stays, "pid");
  await leaveBehind(worker, "spin");
  await worker.clock.advance(ORPHAN_LIMIT_MS + 2 * TICK_MS);
  assert.notEqual(await run(stays, "pid"), pid);
});

test("an orphaned job may run for five seconds, and its slot stays if it ends before", async () => {
  await using worker = await startFakeWorker();
  await using stays = await connectWith(worker, "behave");
  const pid = await run(stays, "pid");
  await leaveBehind(worker, `sleep ${ORPHAN_LIMIT_MS - 1}`);
  await worker.clock.advance(ORPHAN_LIMIT_MS + 2 * TICK_MS);
  assert.equal(await run(stays, "pid"), pid);
  assert(!worker.fakes.started[0]?.isKilled);
});

test("a job's orphan limit counts from when its slot starts it", async () => {
  await using worker = await startFakeWorker();
  await using stays = await connectWith(worker, "behave");
  await showPaceIn(worker.clock, stays);
  const first = run(stays, "sleep 3000");
  await allIsTaken(stays);
  await leaveBehind(worker, "spin", 20);
  await worker.clock.advance(3_000);
  assert.equal(await first, "slept");
  await worker.clock.advance(ORPHAN_LIMIT_MS + 2 * TICK_MS);
  assert.equal(await run(stays, "echo next"), "next");
});

test("other jobs in the slot of an orphaned job are answered", async () => {
  await using worker = await startFakeWorker();
  await using stays = await connectWith(worker, "behave");
  await showPaceIn(worker.clock, stays);
  const before = [run(stays, "sleep 100"), run(stays, "echo short")];
  await allIsTaken(stays);
  await leaveBehind(worker, "spin", 20);
  const behind = Array.from({ length: 100 }, () => run(stays, "echo behind"));
  await allIsTaken(stays);
  await worker.clock.advance(ORPHAN_LIMIT_MS + 100 + 2 * TICK_MS);
  assert.deepEqual(await Promise.all(before), ["slept", "short"]);
  assert.deepEqual(await Promise.all(behind), Array(100).fill("behind"));
});

test("a controller that has closed its sending side is disconnected after half a minute", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connect(worker);
  await loadCore(controller, "behave");
  const job = send(controller, "spin");
  await allIsTaken(controller);
  await controller.halfClose();
  const sinceMs = worker.clock.now();
  await elapse(worker.clock, assert.rejects(job, /closed/), 500);
  assert(worker.clock.now() - sinceMs >= HALF_CLOSED_MS);
});

/** A controller sends jobs, and is gone when the worker has taken them. Resolves when the worker knows. */
async function leaveBehind(worker: OwnWorker, input: string, count = 1): Promise<void> {
  using socket: Socket & Disposable = await connectRaw(worker);
  socket.write(coreMessage(0n, "behave", await coreBytes("behave")));
  await readFrames(socket, 1);
  socket.write(jobMessages(1, count, input));
  socket.write(versionMessage(0n));
  await readFrames(socket, 1);
  reset(socket);
  await worker.isLeft();
  await worker.logs(/ disconnected: the connection (was reset|is broken)$/m);
}
