/** Pings: answered at once, with how busy the worker is. */

import assert from "node:assert/strict";
import os from "node:os";
import { loadOf } from "../fixtures/peers/controller_2.ts";
import { test } from "../lib/test.ts";
import { connectWith, run, send } from "./controllers.ts";
import { connect2, isBusy, loadNow, sendLimited, showPaceIn } from "./controllers_2.ts";
import { startFakeWorker, startOwnWorker } from "./own_worker.ts";

test("an idle worker has no busy slot, no job that waits, and free memory", async () => {
  await using worker = await startFakeWorker({ slots: 2 });
  await using controller = await connect2(worker);
  const load = await loadNow(controller);
  assert.equal(load.slotsBusy, 0);
  assert.equal(load.jobsWaiting, 0n);
  assert(load.memoryFreeBytes > 0n && load.memoryFreeBytes < BigInt(os.totalmem()));
});

test("pings are answered while all slots are busy and thousands of jobs wait", async () => {
  await using worker = await startOwnWorker();
  await using controller = await connect2(worker, "behave");
  assert.equal(await run(controller, "echo ready"), "ready");
  void sendLimited(controller, "spin");
  for (let job = 0; job < 5000; job++) void sendLimited(controller, "echo waits");
  const pings = Array.from({ length: 100 }, () => controller.ping());
  for (const ping of pings) {
    const load = loadOf(await ping);
    assert.equal(load.slotsBusy, 1);
    assert.equal(load.jobsWaiting, 5000n);
  }
});

test("a ping counts the jobs of all controllers, of both versions", async () => {
  await using worker = await startFakeWorker();
  await using one = await connect2(worker, "behave");
  await using two = await connectWith(worker, "behave");
  await using asks = await connect2(worker);
  void sendLimited(one, "sleep 100");
  await isBusy(asks, 1);
  void send(one, "echo waits");
  void send(two, "echo waits");
  await isBusy(asks, 1, 2);
  await worker.clock.advance(100);
  await isBusy(asks, 0, 0);
});

test("jobs that wait behind another one in a slot count as waiting", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connect2(worker, "behave");
  await showPaceIn(worker.clock, controller);
  void sendLimited(controller, "spin");
  for (let job = 0; job < 200; job++) void sendLimited(controller, "echo waits");
  await isBusy(controller, 1, 200);
  assert(worker.fakes.started.at(-1)?.inputs.includes("echo waits"), "its slot has some of them");
});
