/** What there is of a run before its code is loaded: how signals end it, its log file, and its worker, which is starting. */

import type { LocalWorker } from "../../controller/workers/local_worker.ts";
import { writeFromBackground } from "../../runtime/job_control.ts";
import type { Runtime } from "../../runtime/ports.ts";
import { closeToOthers } from "../../runtime/private_process.ts";
import { programName, resumeHint, shownCommand } from "../program/resume_command.ts";
import { LogFile } from "../terminal/log_file.ts";
import { handleSignals } from "../terminal/signals.ts";
import { launchEarly } from "./early_worker.ts";
import { Interrupts } from "./interrupts.ts";
import { type RunRequest, stdinOf } from "./run_request.ts";
import { StateReporter } from "./run_state.ts";

/** A request, with what is there before the run. */
export interface LaunchedRun extends RunRequest {
  readonly interrupts: Interrupts;
  readonly reporter: StateReporter;
  /** The line that says how to resume it. */
  readonly resumeHint: string;
  /** The file of `--log`. */
  readonly file: LogFile | undefined;
  /** The worker on this machine, if it was started before the run. */
  readonly early: LocalWorker | undefined;
}

/** Prepares this process for a run, and starts its worker. From then on, signals end the run in order. */
export async function launched(runtime: Runtime, request: RunRequest): Promise<LaunchedRun> {
  const { flags, args } = request;
  const hint = resumeHint(args, stdinOf(request), programName(runtime));
  const interrupts = new Interrupts(flags.quiet ? undefined : hint);
  const reporter = new StateReporter();
  const run = { ...request, interrupts, reporter, resumeHint: hint };
  if (flags.dryRun) return { ...run, file: undefined, early: undefined };
  await writeFromBackground();
  await closeToOthers(); // a core on this machine could read the variables of its run
  const file = flags.log === undefined ? undefined : await LogFile.open(flags.log, runtime.clock);
  file?.write(`the run begins: ${shownCommand(args)}`);
  await handleSignals({
    onStop: (signal) => interrupts.onStop(signal),
    onAsked: () => reporter.onAsked(),
  });
  const early = await launchEarly(runtime, request);
  interrupts.onEarly(early);
  return { ...run, file, early };
}
