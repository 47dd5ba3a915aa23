/** A worker that controllers send the files of a setup to. */

import assert from "node:assert/strict";
import { ControllerV2, descriptionOf } from "../fixtures/peers/controller_2.ts";
import type { WorkerResponse } from "../fixtures/peers/controller_v1.ts";
import { CONTENT, HEADER_BYTES, SETUP, utf8 } from "../fixtures/peers/frames.ts";
import { coreBytes } from "../lib/cores.ts";
import { eventually, startWorker } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { workerFiles } from "../lib/worker_folder.ts";
import { Workspace } from "../cli/workspace.ts";
import {
  type CoreSetup,
  decodeSetupResponse,
  encodeContent,
  encodeSetup,
} from "../../protocol/mod.ts";
import { sha256Of } from "../../system/sha256.ts";
import { outputText } from "./controllers.ts";

const BESIDE = await coreBytes("beside");
const DATA = utf8("some text");
const VARIABLES: CoreSetup["variables"] = [["LEVEL", "1"]];
const SETUP_OF_BOTH: CoreSetup = {
  core: sha256Of(BESIDE),
  path: "core.so",
  files: [{ path: "deep/data", digest: sha256Of(DATA), bytes: DATA.length }],
  variables: VARIABLES,
};

/** Resolves to the contents that the worker lacks. */
async function choose(
  controller: ControllerV2,
  setup: CoreSetup = SETUP_OF_BOTH,
): Promise<readonly string[]> {
  const payload = encodeSetup(1, setup, "beside", 0).subarray(HEADER_BYTES);
  const response = await controller.send(SETUP, payload);
  assert.equal(response.kind, "ok");
  return decodeSetupResponse(new Uint8Array(response.payload));
}

function send(
  controller: ControllerV2,
  content: Uint8Array,
  from = 0,
  to = content.length,
): Promise<WorkerResponse> {
  const part = new Uint8Array(content.subarray(from, to));
  const bytes = content.length;
  const message = encodeContent(1, { digest: sha256Of(content), bytes, offset: from, part });
  return controller.send(CONTENT, message.subarray(HEADER_BYTES));
}

async function runs(controller: ControllerV2): Promise<void> {
  assert.equal(outputText(await controller.sendJob(1n, utf8("read deep/data"))), "some text");
}

test("two controllers that send the same files at once both get their core, and no file is left twice", async () => {
  await using workspace = await Workspace.make();
  await using worker = await startWorker({ tmpdir: workspace.path });
  await using one = await ControllerV2.agreed(worker.port);
  await using two = await ControllerV2.agreed(worker.port);
  const both = [one, two];
  for (const controller of both) {
    assert.deepEqual(await choose(controller), [sha256Of(BESIDE), sha256Of(DATA)]);
  }
  await Promise.all(both.map((controller) => send(controller, BESIDE, 0, 1000)));
  await Promise.all(both.map((controller) => send(controller, BESIDE, 1000)));
  for (const controller of both) {
    assert.equal((await send(controller, DATA)).kind, "ok");
    assert.deepEqual(await choose(controller), []);
    await runs(controller);
  }
  await eventually(
    "each content is there once",
    async () => (await contents(workspace)).length === 2,
  );
});

test("a controller that disconnects in the middle of a file leaves nothing of it", async () => {
  await using workspace = await Workspace.make();
  await using worker = await startWorker({ tmpdir: workspace.path });
  await using leaving = await ControllerV2.agreed(worker.port);
  await send(leaving, BESIDE, 0, 1000);
  assert.equal((await contents(workspace)).length, 1);
  await leaving[Symbol.asyncDispose]();
  await eventually("it is removed", async () => (await contents(workspace)).length === 0);
  await using staying = await ControllerV2.agreed(worker.port);
  assert.equal((await choose(staying)).length, 2);
  for (const content of [BESIDE, DATA]) await send(staying, content);
  assert.deepEqual(await choose(staying), []);
  await runs(staying);
});

test("jobs behind a setup whose files are missing fail, and those behind the next choice run", async () => {
  await using worker = await startWorker();
  await using controller = await ControllerV2.agreed(worker.port);
  const missing = choose(controller);
  const early = await controller.sendJob(1n, utf8("read deep/data"));
  assert.equal(early.kind, "error");
  assert.equal((await missing).length, 2);
  for (const content of [BESIDE, DATA]) await send(controller, content);
  const chosen = choose(controller);
  await runs(controller);
  assert.deepEqual(await chosen, []);
});

test("a core that was sent whole serves a setup without files and variables only, and one sent as a content serves all", async () => {
  await using worker = await startWorker();
  await using controller = await ControllerV2.agreed(worker.port);
  const echo = await coreBytes("echo");
  const core = sha256Of(echo);
  const alone = { core, path: "core.so", files: [], variables: [] };
  const withVariables = { ...alone, variables: VARIABLES };
  await controller.sendCore("echo", echo);
  assert.deepEqual(descriptionOf(await controller.describe()).cores, [core]);
  assert.deepEqual(await choose(controller, alone), []);
  assert.deepEqual(await choose(controller, withVariables), [core]);
  await send(controller, echo);
  assert.deepEqual(await choose(controller, withVariables), []);
  assert.equal(outputText(await controller.sendJob(1n, utf8("it runs"))), "it runs");
});

/** The files of contents that a worker has. */
function contents(workspace: Workspace): Promise<string[]> {
  return workerFiles(workspace.path, ".content");
}
