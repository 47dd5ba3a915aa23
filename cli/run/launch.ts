/** How a run begins, before its code is loaded: from here on signals end it in order, and its worker starts. */

import type { LocalWorker } from "../../controller/workers/local_worker.ts";
import { writeFromBackground } from "../../runtime/processes/job_control.ts";
import type { Runtime } from "../../runtime/ports.ts";
import { closeToOthers } from "../../runtime/processes/private_process.ts";
import { programName, resumeHint } from "../program/resume_command.ts";
import { handleSignals } from "../terminal/signals.ts";
import { launchEarly } from "./early_worker.ts";
import { Interrupts } from "./interrupts.ts";
import { type RunRequest, stdinOf } from "./run_request.ts";
import { StateReporter } from "./state_reporter.ts";

/** A run whose code is about to be loaded. */
export interface LaunchedRun extends RunRequest {
  /** The line that says how to resume it. */
  readonly hint: string;
  readonly interrupts: Interrupts;
  readonly reporter: StateReporter;
  /** The worker on this machine, if there will be one and its start needs nothing else. The caller closes it. */
  readonly early: LocalWorker | undefined;
}

/** Prepares this process for a run, and starts its worker. A dry run only reads. */
export async function launch(runtime: Runtime, request: RunRequest): Promise<LaunchedRun> {
  const hint = resumeHint(request.args, stdinOf(request), programName(runtime));
  const interrupts = new Interrupts(hint);
  const reporter = new StateReporter();
  const run = { ...request, hint, interrupts, reporter };
  if (request.flags.dryRun) return { ...run, early: undefined };
  await writeFromBackground();
  await closeToOthers(); // a core on this machine could read the variables of its run
  await handleSignals({ // before there is a worker to end
    onStop: (signal) => interrupts.onStop(signal),
    onAsked: () => reporter.onAsked(),
  });
  const early = await launchEarly(runtime, request);
  interrupts.onEarly(early);
  return { ...run, early };
}
