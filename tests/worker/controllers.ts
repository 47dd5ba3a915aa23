/** Controllers for the tests of the worker: connected, with a core loaded, and easy to ask. */

import assert from "node:assert/strict";
import {
  ControllerV1,
  type Cut,
  errorText,
  jobResult,
  type WorkerResponse,
} from "../fixtures/peers/controller_v1.ts";
import { concat, textOf, utf8 } from "../fixtures/peers/frames.ts";
import { coreBytes, type Defines } from "../lib/cores.ts";
import { eventually } from "../lib/processes.ts";

/** A worker that listens. */
interface Listening {
  readonly port: number;
}

/** Connects to a worker. */
export function connect(worker: Listening, cut: Cut = "whole"): Promise<ControllerV1> {
  return ControllerV1.connect(worker.port, "127.0.0.1", { cut });
}

/** Connects to a worker and has it load a core. */
export async function connectWith(
  worker: Listening,
  core: string,
  defines: Defines = {},
): Promise<ControllerV1> {
  const controller = await connect(worker);
  await loadCore(controller, core, defines);
  return controller;
}

/** Has a worker load a core. Throws if it doesn't. */
export async function loadCore(
  controller: ControllerV1,
  core: string,
  defines: Defines = {},
): Promise<void> {
  const response = await controller.sendCore(core, await coreBytes(core, defines));
  assert.equal(response.kind, "ok", `${core}: ${textOf(response.payload)}`);
}

/** The bytes of a core for fake slots, to be sent under that name: each name has other ones. */
export async function fakeCore(name: string): Promise<Uint8Array> {
  return concat(await coreBytes("echo"), utf8(name));
}

/** Waits until every slot has loaded `behave`, so that from now on a job meets no slot that is not ready. */
export async function loadAllSlots(controller: ControllerV1, slots: number): Promise<void> {
  await eventually(`${slots} slots answer`, async () => {
    const pids = await Promise.all(Array.from({ length: 8 * slots }, () => run(controller, "pid")));
    return new Set(pids).size === slots;
  });
}

/**
 * Waits until the worker has taken all that was sent to it so far: jobs that slots are ready for are with
 * them then.
 */
export async function allIsTaken(controller: ControllerV1): Promise<void> {
  assert.equal((await controller.exchangeVersion(1)).kind, "ok");
}

/** Sends a job whose input is text. */
export function send(controller: ControllerV1, input: string): Promise<WorkerResponse> {
  return controller.sendJob(0n, utf8(input));
}

/** Runs a job whose input and output are text. Throws unless it succeeds with exit code 0. */
export async function run(controller: ControllerV1, input: string): Promise<string> {
  return outputText(await send(controller, input));
}

/** Runs a job that has to end in an error response, and gives its text. */
export async function failureOf(controller: ControllerV1, input: string): Promise<string> {
  return errorText(await send(controller, input));
}

/** The output of a job that succeeded, as text. */
export function outputText(response: WorkerResponse): string {
  const { exitCode, output } = jobResult(response);
  assert.equal(exitCode, 0, textOf(output));
  return textOf(output);
}
