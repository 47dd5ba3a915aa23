/** A worker that can start no slot for long: it keeps no jobs, says why, and works again when it can. */

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ControllerV1 } from "../fixtures/peers/controller_v1.ts";
import { eventually } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { connectWith, loadCore, outputText, send } from "./controllers.ts";
import { allGive, connect2, failed, isBusy, sendLimited } from "./controllers_2.ts";
import { elapse, startFakeWorker, startTimedWorker } from "./own_worker.ts";

type FakeWorker = Awaited<ReturnType<typeof startFakeWorker>>;

/** For how long a worker tries to start slots while it keeps jobs. */
const KEPT_MS = 30_000;

test("a worker that can start no slot for half a minute hands its jobs back, says why, and closes the connection", async () => {
  await using own = await startFakeWorker({ slots: 2 });
  await using controller = await connect2(own, "behave");
  await using idle = await connect2(own);
  const jobs = ["spin", "spin", "echo never"].map((input) => sendLimited(controller, input));
  await isBusy(controller, 2, 1);
  await loseSlots(own, 2);
  await own.clock.advance(KEPT_MS - 1_000);
  await isBusy(controller, 0, 3);
  for (const job of jobs) {
    const reason = await elapse(own.clock, failed(job, "draining"));
    assert.equal(reason, "cannot start slots: no more processes");
  }
  const late = sendLimited(controller, "echo never");
  assert.equal(await failed(late, "draining"), "cannot start slots: no more processes");
  await elapse(own.clock, controller.closed);
  assert.equal(controller.notices, 0);
  await isBusy(idle, 0);
});

test("a worker that could start no slot refuses cores at once, and takes jobs as soon as it can", async () => {
  await using own = await startFakeWorker();
  await using controller = await connect2(own, "behave");
  const job = sendLimited(controller, "spin");
  await isBusy(controller, 1);
  await loseSlots(own, 1);
  await elapse(own.clock, failed(job, "draining"));
  await using again = await connect2(own);
  await assert.rejects(loadCore(again, "behave"), /cannot start slots: no more processes/);
  own.fakes.cannotStart = false;
  await elapse(own.clock, eventually("a slot is up", () => own.fakes.running.length > 0));
  await loadCore(again, "behave");
  assert.equal(outputText(await sendLimited(again, "echo done")), "done");
});

test("a worker that can start slots again within half a minute has kept its jobs", async () => {
  await using own = await startFakeWorker({ slots: 2 });
  await using controller = await connect2(own, "behave");
  const jobs = ["sleep 1000", "sleep 1001"].map((input) => sendLimited(controller, input));
  await isBusy(controller, 2);
  await loseSlots(own, 2);
  await own.clock.advance(20_000);
  own.fakes.cannotStart = false;
  await elapse(own.clock, allGive(jobs, "slept"));
});

test("a controller of version 1 is disconnected by a worker that can start no slot", async () => {
  await using own = await startFakeWorker();
  await using controller: ControllerV1 = await connectWith(own, "behave");
  const job = send(controller, "spin");
  await eventually("it runs", () => own.fakes.jobsStarted === 1);
  await loseSlots(own, 1);
  await elapse(own.clock, assert.rejects(job, /closed by the worker/));
});

test("a worker whose slots all wait for processes that cannot be killed hands its jobs back", async () => {
  await using own = await startFakeWorker({ isUnkillable: true, controllerSilentMsMax: 6_000_000 });
  await using controller = await connect2(own, "behave");
  for (let time = 0; time < 3; time++) {
    const spins = sendLimited(controller, "spin", { timeMs: 1000n });
    await elapse(own.clock, failed(spins, "timeout"), 500);
  }
  const reason = await elapse(own.clock, failed(sendLimited(controller, "echo never"), "draining"));
  assert.match(reason, /^cannot start slots: its processes \d+, \d+, \d+ have not exited$/);
});

test("the job of a slot that cannot be started again runs in another one", async () => {
  await using own = await startFakeWorker({ slots: 2 });
  await using controller = await connect2(own, "behave");
  const [first, second] = ["sleep 1000", "sleep 1001"].map((input) =>
    sendLimited(controller, input)
  );
  assert(first && second);
  await isBusy(controller, 2);
  await loseSlots(own, 1);
  await isBusy(controller, 1, 1);
  await elapse(own.clock, allGive([first, second], "slept"));
  assert.equal(own.fakes.running.length, 1);
});

test("a worker whose slots have lost the disk of their folders hands its jobs back, and says so", async () => {
  const workdir = await mkdtemp(join(tmpdir(), "dc-"));
  await using own = await startTimedWorker({ workdir });
  await using controller = await connect2(own, "behave");
  await rm(workdir, { recursive: true });
  await writeFile(workdir, "no folder can be made here");
  await failed(sendLimited(controller, "crash"), "crash");
  const reason = await elapse(own.clock, failed(sendLimited(controller, "echo never"), "draining"));
  assert.match(
    reason,
    /^cannot start slots: Cannot make its working folder in .*: a part of its path is not/,
  );
  await elapse(own.clock, controller.closed);
  await rm(workdir);
});

/** Has so many slots die, and no process start any more. */
async function loseSlots(own: FakeWorker, count: number): Promise<void> {
  own.fakes.cannotStart = true;
  const lost = own.fakes.running.filter(({ inputs }) => inputs.length > 0).slice(0, count);
  for (const slot of lost) slot.vanish();
  await eventually("they are lost", () => {
    return own.log.split("\n").filter((line) => line.includes("no more processes")).length >= count;
  });
}
