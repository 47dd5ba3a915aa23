/** Controllers of version 2 promise to say something now and then; those of version 1 do not. */

import assert from "node:assert/strict";
import type { ControllerV2 } from "../fixtures/peers/controller_2.ts";
import { test } from "../lib/test.ts";
import { connect, connectWith, outputText, run, send } from "./controllers.ts";
import { connect2, sendLimited } from "./controllers_2.ts";
import { startOwnWorker } from "./own_worker.ts";

/** A late look at a connection counts for a second: no less than three in a row are to look like silence. */
const SILENT = { controllerSilentMsMax: 3_000, slots: 2 };

test("only a version 2 controller that says nothing at all is closed, and its jobs with it", async () => {
  await using worker = await startOwnWorker({ ...SILENT, orphanLimitMs: 100 });
  await using silent = await connect2(worker, "behave");
  await using pinging = await connect2(worker, "behave");
  await using old = await connectWith(worker, "behave");
  await using unsaid = await connect(worker);
  const lost = sendLimited(silent, "spin");
  const kept = sendLimited(pinging, "sleep 4000");

  await pingUntil(pinging, silent.closed);
  assert.deepEqual(await silent.closed, { by: "worker" });
  await assert.rejects(lost, /closed by the worker/);

  // The others were silent as long, or longer.
  assert.equal(await run(old, "echo still there"), "still there");
  assert.equal((await unsaid.exchangeVersion(1)).kind, "ok");
  await pingUntil(pinging, kept);
  assert.equal(outputText(await kept), "slept");
  assert.equal(outputText(await send(pinging, "echo still there")), "still there");
});

/** Pings again whenever the ping before is answered, until it is over. */
async function pingUntil(controller: ControllerV2, over: Promise<unknown>): Promise<void> {
  let isOver = false;
  void over.then(() => isOver = true);
  while (!isOver) await controller.ping();
}
