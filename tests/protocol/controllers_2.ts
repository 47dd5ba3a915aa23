/** Controllers of version 2 for the tests of the peers, connected and with a core loaded. */

import assert from "node:assert/strict";
import { ControllerV2 } from "../fixtures/peers/controller_2.ts";
import { jobResult, type WorkerResponse } from "../fixtures/peers/controller_v1.ts";
import { textOf, utf8 } from "../fixtures/peers/frames.ts";

export const CORE = utf8("a core");
export const ABC = utf8("abc");

/** Connects, agrees on version 2 and has a core loaded. */
export async function withCore(worker: { readonly port: number }): Promise<ControllerV2> {
  return await loaded(await ControllerV2.connect(worker.port));
}

/** Agrees on version 2 and has a core loaded. */
export async function loaded(controller: ControllerV2): Promise<ControllerV2> {
  await controller.agree();
  assert.equal((await controller.sendCore("core", CORE)).kind, "ok");
  return controller;
}

/** The output of a job that succeeded, as text. */
export function outputOf(response: WorkerResponse): string {
  const { exitCode, output } = jobResult(response);
  assert.equal(exitCode, 0);
  return textOf(output);
}
