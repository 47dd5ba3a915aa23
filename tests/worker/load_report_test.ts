/** Pings: answered at once, with how busy the worker is. */

import assert from "node:assert/strict";
import os from "node:os";
import { loadOf } from "../fixtures/peers/controller_2.ts";
import { startWorker } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { connectWith, loadAllSlots, send } from "./controllers.ts";
import { connect2, isBusy, loadNow, sendLimited, showPace } from "./controllers_2.ts";

test("an idle worker has no busy slot and no job that waits, and free memory", async () => {
  await using worker = await startWorker({ slots: 2 });
  await using controller = await connect2(worker);
  const load = await loadNow(controller);
  assert.equal(load.slotsBusy, 0);
  assert.equal(load.jobsWaiting, 0n);
  assert(load.memoryFreeBytes > 0n && load.memoryFreeBytes < BigInt(os.totalmem()));
});

test("pings are answered while all slots spin and thousands of jobs wait", async () => {
  await using worker = await startWorker({ slots: 2 });
  await using controller = await connect2(worker, "behave");
  await loadAllSlots(controller, 2);
  for (let job = 0; job < 2; job++) void sendLimited(controller, "spin");
  await isBusy(controller, 2);
  for (let job = 0; job < 5000; job++) void sendLimited(controller, "echo waits");
  const pings = Array.from({ length: 100 }, () => controller.ping());
  for (const ping of pings) {
    const load = loadOf(await ping);
    assert.equal(load.slotsBusy, 2);
    assert.equal(load.jobsWaiting, 5000n);
  }
  await worker.kill(); // nobody waits for the jobs that spin
});

test("a ping counts the jobs of all controllers, of both versions", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using one = await connect2(worker, "behave");
  await using two = await connectWith(worker, "behave");
  await using asks = await connect2(worker);
  void sendLimited(one, "spin", {}, 100n);
  await isBusy(asks, 1);
  void send(one, "echo waits");
  void send(two, "echo waits");
  await isBusy(asks, 1, 2);
  await one.cancel(100n);
  await isBusy(asks, 0, 0);
});

test("jobs that wait behind another one in a slot are jobs that wait", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connect2(worker, "behave");
  await showPace(controller);
  void sendLimited(controller, "spin");
  for (let job = 0; job < 200; job++) void sendLimited(controller, "echo waits");
  await isBusy(controller, 1, 200);
  await worker.kill(); // nobody waits for the job that spins
});
