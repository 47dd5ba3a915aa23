/** The final report of a run, and its exit status. */

import { DisagreementError } from "../../controller/cluster/verification.ts";
import { TooManyFailuresError } from "../../controller/failure_limit.ts";
import { SinkError } from "../../controller/output/sink_errors.ts";
import type { RunStatus } from "../../controller/run.ts";
import { InterruptedError, NoWorkerError, TimeLimitError } from "../../controller/run_errors.ts";
import { refusalTable } from "../../controller/workers/core_refusals.ts";
import { messageOf } from "../../runtime/error_text.ts";
import { KeyError } from "../../security/key_error.ts";
import { EndedRunError } from "./ended_run_error.ts";
import { ExitCode } from "../program/exit_code.ts";
import { printError, printWarning, toStderr } from "../terminal/log.ts";
import { printErrorTable } from "../terminal/run_log.ts";
import type { RunFlags } from "./run_options.ts";
import { journalOf, nameOf } from "./run_outputs.ts";
import { writeLines } from "../terminal/fitted_lines.ts";
import { writeStdout } from "../terminal/stdout.ts";
import { workerHint } from "./worker_hint.ts";
import { failuresText, type ShownSetup, summaryJson, summaryText } from "../display/summary.ts";
import { wrongWorkerLines } from "../display/wrong_workers.ts";

/** How a run has ended. */
export interface RunEnd {
  readonly status: RunStatus;
  /** The error that ended the run early, if one did. */
  readonly error: unknown;
  /** What came with the core. */
  readonly setup: ShownSetup;
}

/** The exit status, and the lines about what to do next, which the log gets too. */
export interface Reported {
  readonly code: number;
  readonly advice: readonly string[];
}

/**
 * Prints the summary, the error and how to resume: every run that leaves jobs can be resumed. Rethrows errors of
 * unknown kinds.
 */
export function report(
  { status, error, setup }: RunEnd,
  flags: RunFlags,
  resumeHint: string,
): Reported {
  printSummary({ status, error, setup }, flags);
  if (error) return reportError(status, error, flags, resumeHint);
  if (status.failed === 0) return { code: ExitCode.ok, advice: [] };
  if (flags.quiet) printError(failuresText(status, journalOf(flags)));
  return { code: ExitCode.someFailed, advice: [] };
}

function printSummary(
  { status, error, setup }: RunEnd,
  flags: RunFlags,
): void {
  const { json, quiet, fresh } = flags;
  const [outputs, journal] = [nameOf(flags), journalOf(flags)];
  const message = error instanceof Error ? error.message : undefined;
  if (json) writeStdout(`${summaryJson(status, outputs, message, setup, journal)}\n`);
  else if (!quiet && !(error && status.done + status.failed === 0)) {
    const text = summaryText(status, outputs, setup, journal, fresh);
    writeLines(text.split("\n"));
  }
  if (quiet && status.verified) {
    const lines = wrongWorkerLines(status.verified, journal, flags.pack !== undefined);
    for (const line of lines) printWarning(line.trim());
  }
}

function reportError(
  status: RunStatus,
  error: unknown,
  { quiet }: RunFlags,
  resumeHint: string,
): Reported {
  const code = exitCodeOf(error);
  // If no job has ended yet, here or in an earlier run, other errors are in the command, and repeating it is of no use.
  const { done, failed, skipsLeft } = status;
  const ended = done + failed + (error instanceof KeyError ? 0 : skipsLeft); // the key is named by the command
  const isResumable = ended > 0 || isNoFaultOfCommand(error);
  if (code === undefined) throw isResumable ? new EndedRunError(error, resumeHint) : error;
  if (error instanceof TooManyFailuresError && !error.wasStopped) {
    printError(error.message); // all jobs have ended: there is nothing to resume
    return { code, advice: [] };
  }
  if (code !== ExitCode.interrupted) printEnd(error);
  const hint = hintFor(error, status);
  if (hint && !quiet) toStderr(hint);
  const next = isResumable && !hasAll(status, error) ? resumeHint : undefined;
  if (next) toStderr(next);
  return { code, advice: [hint, next].filter((line) => line !== undefined) };
}

/** Whether all jobs have ended, so that there is nothing to resume. Outputs may be lost by an error of the sink. */
function hasAll({ ending }: RunStatus, error: unknown): boolean {
  return ending?.left === 0 && !(error instanceof SinkError);
}

/** What helps. */
function hintFor(error: unknown, { done, failed }: RunStatus): string | undefined {
  if (error instanceof NoWorkerError) return workerHint(error.reasons);
  if (!(error instanceof TimeLimitError)) return undefined;
  if (error.reasons !== undefined) return workerHint(error.reasons);
  return done + failed > 0 ? undefined : "no job ended in this time; give the run more time";
}

/** Workers that cannot load the core become a table. */
function printEnd(error: unknown): void {
  const table = error instanceof NoWorkerError ? refusalTable(error.reasons.map(split)) : undefined;
  if (table) printErrorTable(`No worker can be used: ${table.title}`, table.rows);
  else printError(messageOf(error));
}

/** The name of a worker, and the reason why it cannot be used. */
function split(text: string): readonly [string, string] {
  const at = text.indexOf(": ");
  return at < 0 ? ["", text] : [text.slice(0, at), text.slice(at + 2)];
}

function isNoFaultOfCommand(error: unknown): boolean {
  return error instanceof InterruptedError || error instanceof SinkError ||
    error instanceof DisagreementError || error instanceof TimeLimitError;
}

/** `undefined` for an error that is not expected. */
function exitCodeOf(error: unknown): number | undefined {
  if (error instanceof InterruptedError) return ExitCode.interrupted;
  if (error instanceof TimeLimitError) return ExitCode.timeLimit;
  if (error instanceof NoWorkerError || error instanceof KeyError) return ExitCode.noWorker;
  if (error instanceof SinkError) return ExitCode.usage;
  if (error instanceof TooManyFailuresError) return ExitCode.someFailed;
  return error instanceof DisagreementError ? ExitCode.someFailed : undefined;
}
