/** Core files that somebody takes away from a worker, as what tidies temporary folders does. */

import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type ControllerV2,
  descriptionOf,
  digestOf,
  isChosen,
} from "../fixtures/peers/controller_2.ts";
import { coreBytes } from "../lib/cores.ts";
import { type Program, startWorker } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { loadCore, run } from "./controllers.ts";
import { connect2, failed, sendLimited } from "./controllers_2.ts";

test("a core whose file is gone is not here, and is as good as new when it is sent again", async () => {
  await using tidied = await startTidied();
  const { worker } = tidied;
  await using controller = await connect2(worker, "behave");
  await loadCore(controller, "echo");
  await tidied.removeCores();
  assert.deepEqual(await coresOf(controller), []);
  const behave = digestOf(await coreBytes("behave"));
  assert(!isChosen(await controller.choose("behave", behave)));
  await loadCore(controller, "behave");
  assert(isChosen(await controller.choose("behave", behave)));
  assert.deepEqual(await coresOf(controller), [behave]);
  assert.equal(await run(controller, "echo a job"), "a job");
});

test("so is one that was in use", async () => {
  await using tidied = await startTidied();
  await using controller = await connect2(tidied.worker, "behave");
  assert.equal(await run(controller, "echo a job"), "a job");
  await tidied.removeCores();
  await failed(sendLimited(controller, "crash"), "crash");
  await failed(sendLimited(controller, "echo in a new slot"), "core");
  await loadCore(controller, "behave");
  assert.equal(await run(controller, "echo again"), "again");
});

/** The cores that a worker says it has. */
async function coresOf(controller: ControllerV2): Promise<string[]> {
  return descriptionOf(await controller.describe()).cores;
}

/** A worker with one slot, and the power to take its cores away. */
interface Tidied extends AsyncDisposable {
  readonly worker: Program;
  removeCores(): Promise<void>;
}

async function startTidied(): Promise<Tidied> {
  const parent = await mkdtemp(join(tmpdir(), "dc-"));
  const worker = await startWorker({ slots: 1, tmpdir: parent });
  return {
    worker,
    removeCores: async () => {
      for (const name of await readdir(parent, { recursive: true })) {
        if (name.endsWith(".core")) await rm(join(parent, name));
      }
    },
    [Symbol.asyncDispose]: async () => {
      await worker[Symbol.asyncDispose]();
      await rm(parent, { recursive: true });
    },
  };
}
