/** Controllers of version 2 for the tests of the worker: agreed, with a core loaded, and easy to ask. */

import assert from "node:assert/strict";
import type { ControllerV1, WorkerResponse } from "../fixtures/peers/controller_v1.ts";
import {
  ControllerV2,
  failureOf,
  type LimitedJob,
  type Load,
  loadOf,
} from "../fixtures/peers/controller_2.ts";
import { KINDS, utf8 } from "../fixtures/peers/frames.ts";
import type { Defines } from "../lib/cores.ts";
import { eventually } from "../lib/processes.ts";
import type { VirtualClock } from "../lib/virtual_clock.ts";
import { loadCore, outputText, run } from "./controllers.ts";
import { elapse } from "./own_worker.ts";

/** The name of a kind of errors. */
export type Kind = keyof typeof KINDS;

/** Connects to a worker, agrees on version 2 and has it load a core, if one is given. */
export async function connect2(
  worker: { readonly port: number },
  core?: string,
  defines: Defines = {},
): Promise<ControllerV2> {
  const controller = await ControllerV2.agreed(worker.port);
  if (core !== undefined) await loadCore(controller, core, defines);
  return controller;
}

/** How busy the worker is. By then it has taken all that was sent before. */
export async function loadNow(controller: ControllerV2): Promise<Load> {
  return loadOf(await controller.ping());
}

/** Waits until the worker has so many slots at work, and so many jobs that wait. */
export async function isBusy(controller: ControllerV2, busy: number, waiting = 0): Promise<void> {
  let load: Load | undefined;
  await eventually(`${busy} slots are busy and ${waiting} jobs wait`, async () => {
    load = await loadNow(controller);
    return load.slotsBusy === busy && load.jobsWaiting === BigInt(waiting);
  }).catch((error) => {
    throw new Error(`${error.message}: ${load?.slotsBusy} and ${load?.jobsWaiting}`);
  });
}

/** Sends a job with limits whose input is text. */
export function sendLimited(
  controller: ControllerV2,
  input: string,
  limits: LimitedJob = {},
  id?: bigint,
): Promise<WorkerResponse> {
  return controller.sendLimitedJob(utf8(input), limits, id);
}

/** Waits for an error of that kind, and gives its text. */
export async function failed(response: Promise<WorkerResponse>, kind: Kind): Promise<string> {
  const { kind: number, text } = failureOf(await response);
  assert.equal(number, KINDS[kind], `it is no "${kind}": ${text}`);
  return text;
}

/** Waits for the answers of jobs that all have to succeed with this output. */
export async function allGive(answers: Promise<WorkerResponse>[], output: string): Promise<void> {
  for (const answer of answers) assert.equal(outputText(await answer), output);
}

/**
 * Runs quick jobs in a fake slot. From then on the worker sends it 21 at once: some wait behind the one that runs.
 */
export async function showPaceIn(clock: VirtualClock, controller: ControllerV1): Promise<void> {
  const jobs = Array.from({ length: 200 }, () => run(controller, "sleep 0.1"));
  await elapse(clock, Promise.all(jobs), 5);
}

/** Milliseconds until a promise has settled. */
export async function timed(promise: Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await promise;
  return performance.now() - startMs;
}
