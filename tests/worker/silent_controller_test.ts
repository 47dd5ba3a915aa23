/** Silent controllers: in version 2 a controller must send something regularly, in version 1 it need not. */

import assert from "node:assert/strict";
import type { ControllerV2 } from "../fixtures/peers/controller_2.ts";
import type { VirtualClock } from "../lib/virtual_clock.ts";
import { eventually } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { connect, connectWith, outputText, run } from "./controllers.ts";
import { connect2, sendLimited } from "./controllers_2.ts";
import { startFakeWorker } from "./own_worker.ts";

/** How long a controller of version 2 may be silent. */
const SILENT_MS_MAX = 60_000;

test("only a controller of version 2 that says nothing at all is closed, and its jobs are dropped", async () => {
  await using worker = await startFakeWorker({ slots: 2 });
  const { clock } = worker;
  await using silent = await connect2(worker, "behave");
  await using pinging = await connect2(worker, "behave");
  await using old = await connectWith(worker, "behave");
  await using idle = await connect(worker);
  assert.equal((await idle.exchangeVersion(1)).kind, "ok");
  const lost = sendLimited(silent, "spin");
  const kept = sendLimited(pinging, `sleep ${2 * SILENT_MS_MAX}`);
  await silent.ping();
  // The files of a core are checked on the real disk before the second slot loads it.
  await eventually("both jobs have begun", () => worker.fakes.jobsStarted === 2);

  await pingFor(SILENT_MS_MAX - 5_000, pinging, clock);
  assert.equal(silent.waiting, 1);
  await pingFor(10_000, pinging, clock);
  assert.deepEqual(await silent.closed, { by: "worker" });
  await assert.rejects(lost, /closed by the worker/);
  await worker.logs(/disconnected: it was silent for 60s$/m);

  // The others were silent as long, or longer. The slot of the lost job is free again after a while.
  const answer = run(old, "echo still there");
  let isAnswered = false;
  void answer.then(() => isAnswered = true);
  await eventually("another job is answered", async () => {
    await pingFor(1_000, pinging, clock);
    return isAnswered;
  });
  assert.equal(await answer, "still there");
  assert.equal((await idle.exchangeVersion(1)).kind, "ok");
  await pingFor(SILENT_MS_MAX, pinging, clock);
  assert.equal(outputText(await kept), "slept");
});

/** Pings every second of virtual time. */
async function pingFor(ms: number, controller: ControllerV2, clock: VirtualClock): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += 1_000) {
    await clock.advance(1_000);
    await controller.ping();
  }
}
