/** Processes that are killed from outside while they load a core, as by a system that is out of memory. */

import assert from "node:assert/strict";
import { coreBytes } from "../lib/cores.ts";
import { startWorker } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { fakeCore, run, send } from "./controllers.ts";
import { connect2, failed, isBusy } from "./controllers_2.ts";
import { startFakeWorker } from "./own_worker.ts";
import { Trace } from "./trace.ts";

test("a core whose process is killed twice while it loads is loaded a third time, and used", async () => {
  await using trace = new Trace();
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connect2(worker, "init_killed", {
    KILLS: 2,
    COUNT_FILE: JSON.stringify(trace.path),
  });
  assert.equal((await trace.text()).length, 3);
  assert.equal(await run(controller, "a job"), "a job");
});

test("a core whose process is killed three times while it loads is refused, and so are the jobs behind it", async () => {
  await using trace = new Trace();
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connect2(worker);
  const core = controller.sendCore(
    "killed",
    await coreBytes("init_killed", {
      KILLS: 3,
      COUNT_FILE: JSON.stringify(trace.path),
    }),
  );
  const job = send(controller, "a job");
  const reason = /^Cannot load compute core "killed": was killed by SIGKILL; the system may/;
  for (const answer of [core, job]) assert.match(await failed(answer, "core"), reason);
  assert.equal((await trace.text()).length, 3);
});

test("a core whose processes are killed is loaded three times also while every slot is busy", async () => {
  await using worker = await startFakeWorker();
  await using busy = await connect2(worker, "behave");
  void send(busy, "spin");
  await isBusy(busy, 1);
  const { started } = worker.processes;
  await using controller = await connect2(worker);
  await failed(controller.sendCore("killed", await fakeCore("killed")), "core");
  assert.equal(worker.processes.started, started + 3);
});

test("a core that crashes while it loads is loaded once", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connect2(worker);
  const core = controller.sendCore("crashes", await fakeCore("crashes"));
  assert.match(await failed(core, "core"), /SIGABRT$/);
  const loads = worker.fakes.started.filter(({ core }) => core === "crashes");
  assert.equal(loads.length, 1);
});
