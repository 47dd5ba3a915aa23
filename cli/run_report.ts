/** The final report of a run, and its exit status. */

import process from "node:process";
import { DisagreementError } from "../controller/cluster/verification.ts";
import { TooManyFailuresError } from "../controller/failure_limit.ts";
import { SinkError } from "../controller/output/directory_sink.ts";
import type { RunStatus } from "../controller/run.ts";
import { InterruptedError, NoWorkerError } from "../controller/run_errors.ts";
import { ExitCode } from "./exit_code.ts";
import { printError, toStderr } from "./log.ts";
import type { RunFlags } from "./run_options.ts";
import { failuresText, summaryJson, summaryText } from "./summary.ts";

/** How a run has ended. */
export interface RunEnd {
  readonly status: RunStatus;
  /** The error that ended the run early, if one did. */
  readonly error: unknown;
}

/** Prints the summary, the error and how to resume. Rethrows errors of unknown kinds. */
export function report({ status, error }: RunEnd, flags: RunFlags, resumeHint: string): number {
  printSummary(status, error, flags);
  if (error) return reportError(status, error, flags, resumeHint);
  if (status.failed === 0) return ExitCode.ok;
  if (flags.quiet) printError(failuresText(status, flags.output));
  return ExitCode.someFailed;
}

function printSummary(status: RunStatus, error: unknown, { json, quiet, output }: RunFlags): void {
  const message = error instanceof Error ? error.message : undefined;
  if (json) process.stdout.write(`${summaryJson(status, output, message)}\n`);
  else if (!quiet && !(error && status.done + status.failed === 0)) {
    process.stdout.write(`${summaryText(status, output)}\n`);
  }
}

function reportError(
  status: RunStatus,
  error: unknown,
  { quiet }: RunFlags,
  resumeHint: string,
): number {
  if (error instanceof InterruptedError) {
    if (!quiet) toStderr(resumeHint);
    return ExitCode.interrupted;
  }
  if (error instanceof TooManyFailuresError) {
    if (!error.wasStopped) printError(`${error.message}; retry them with --retry-failed`);
    else {
      printError(error.message);
      toStderr(resumeHint);
    }
    return ExitCode.someFailed;
  }
  if (error instanceof DisagreementError) {
    printError(error.message);
    return ExitCode.someFailed;
  }
  if (error instanceof NoWorkerError || error instanceof SinkError) {
    printError(error.message);
    if (status.done > 0 && !quiet) toStderr(resumeHint);
    return error instanceof NoWorkerError ? ExitCode.noWorker : ExitCode.usage;
  }
  throw error;
}
