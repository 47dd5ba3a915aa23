/** What a worker holds is given back: its connections, and its timers. */

import assert from "node:assert/strict";
import { eventually } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { connect, fakeCore, send } from "./controllers.ts";
import { connect2, isBusy, sendLimited } from "./controllers_2.ts";
import { elapse, startFakeWorker } from "./own_worker.ts";

test("a worker counts its controllers while they are connected", async () => {
  await using worker = await startFakeWorker({ halfClosedMs: 100 });
  assert.equal(worker.worker.controllers, 0);
  const controllers = [await connect2(worker), await connect2(worker)];
  assert.equal(worker.worker.controllers, 2);
  for (const controller of controllers) await controller.close();
  await elapse(worker.clock, eventually("they have left", () => worker.worker.controllers === 0));
});

test("a controller of version 2 that has closed its sending side is gone within seconds", async () => {
  await using worker = await startFakeWorker();
  await using leaving = await connect2(worker, "behave");
  void sendLimited(leaving, "spin").catch(() => {});
  await isBusy(leaving, 1);
  const before = worker.clock.timers;
  await leaving.halfClose();
  await eventually("that has arrived", () => worker.clock.timers > before);
  await worker.clock.advance(1_900);
  assert.equal(worker.worker.controllers, 1, "it gets what is ready");
  await worker.clock.advance(200);
  await eventually("it has left", () => worker.worker.controllers === 0);
});

test("a worker that was closed has no timer left, whatever it was doing", async () => {
  await using worker = await startFakeWorker({ slots: 2, controllerSilentMsMax: 600_000 });
  await using limited = await connect2(worker, "behave");
  void sendLimited(limited, "spin", { timeMs: 500_000n }).catch(() => {});
  await isBusy(limited, 1);
  await using leaving = await connect2(worker, "behave");
  void send(leaving, "spin").catch(() => {});
  await isBusy(leaving, 2);
  await leaving.halfClose();
  await using loading = await connect(worker);
  const before = worker.processes.started;
  void loading.sendCore("hangs", await fakeCore("hangs")).catch(() => {});
  await eventually("a core is checked", () => worker.processes.started === before + 1);
  await elapse(worker.clock, worker.worker.close());
  await worker.clock.advance(0);
  assert.equal(worker.clock.timers, 0);
});
