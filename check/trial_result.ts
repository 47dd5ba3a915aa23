/** What has become of a trial, from its report and its end. Pure. */

import { withReason } from "../system/failure_line.ts";
import type {
  Phase,
  Remains,
  ReportedOutput,
  ReportLine,
  RunReport,
  ThreadCount,
  Usage,
} from "./trial_plan.ts";

/** The result of a trial. */
export interface TrialResult {
  /** The last step that was begun. */
  readonly phase: Phase;
  /** The output that was read last. */
  readonly output: ReportedOutput | undefined;
  /** How the process ended, if not by itself: `crashed with SIGSEGV`. */
  readonly crash: string | undefined;
  /** Why the trial has ended early, though the process has not crashed: the core could not be loaded, for one. */
  readonly failure: string | undefined;
  readonly loaded: { readonly openMs: number; readonly initMs: number } | undefined;
  readonly runs: readonly RunReport[];
  readonly times: { readonly runs: number; readonly medianMs: number; readonly maxMs: number };
  readonly usage: readonly Usage[];
  readonly threadCounts: readonly ThreadCount[];
  /** `undefined` if the jobs were not over. */
  readonly left: Remains | undefined;
  /** The last lines that were printed. */
  readonly printed: readonly string[];
  /** Processes that were still there when the trial had ended. */
  readonly survivors: number;
}

/** How a trial's process ended. */
export interface TrialEnd {
  /** As in `TrialResult`. */
  readonly crash: string | undefined;
  readonly printed: readonly string[];
  readonly survivors: number;
}

/** Reads the report. A line that a crash has cut is left out. */
export function trialResult(report: string, end: TrialEnd): TrialResult {
  const lines = linesOf(report);
  const lastOf = <T>(pick: (line: ReportLine) => T | undefined): T | undefined =>
    lines.map(pick).findLast((value) => value !== undefined);
  const phase = lastOf((line) => "phase" in line ? line.phase : undefined) ?? "start";
  const failure = lastOf((line) => "failed" in line ? line.failed : undefined);
  const hasExited = end.crash === undefined && phase !== "unload";
  const crash = hasExited ? "ends the process with exit status 0" : end.crash;
  return {
    ...end,
    phase,
    output: lastOf((line) => "output" in line ? line.output : undefined),
    failure,
    crash: failure === undefined ? crash : undefined, // the core is not to blame for what comes after it
    loaded: lastOf((line) => "loaded" in line ? line.loaded : undefined),
    runs: lines.flatMap((line) => "ran" in line ? [line.ran] : []),
    times: lastOf((line) => "times" in line ? line.times : undefined) ??
      { runs: 0, medianMs: 0, maxMs: 0 },
    usage: lastOf((line) => "usage" in line ? line.usage : undefined) ?? [],
    threadCounts: lastOf((line) => "threadCounts" in line ? line.threadCounts : undefined) ?? [],
    left: lastOf((line) => "left" in line ? line.left : undefined),
  };
}

/** How many jobs have begun in a trial whose report has got as far as this. All behind the first two count as one. */
export function jobsBegun(report: string): number {
  return linesOf(report)
    .filter((line) => "phase" in line && (line.phase === "run" || line.phase === "jobs")).length;
}

/** Whether it has only to end. */
export function isEnding(report: string): boolean {
  return linesOf(report).some((line) => "phase" in line && line.phase === "unload");
}

function linesOf(report: string): ReportLine[] {
  return report.split("\n").flatMap((line) => parsed(line) ?? []);
}

function parsed(line: string): ReportLine | undefined {
  try {
    return line === "" ? undefined : JSON.parse(line) as ReportLine;
  } catch {
    return undefined; // a crash has cut it
  }
}

/** What the core was doing when a trial ended early, for a sentence. */
const ACTIONS: Readonly<Record<Phase, string>> = {
  start: "before the core is loaded",
  load: "while the core is loaded",
  init: "in worker_init",
  run: "in worker_run_job",
  output: "while its output is read",
  free: "in worker_free_outdata",
  jobs: "in one of its jobs",
  after: "after its jobs",
  unload: "while the core is unloaded",
};

/** `crashes with SIGSEGV in worker_run_job`; `undefined` if the trial has not crashed. */
export function crashText({ crash, phase, output, printed }: TrialResult): string | undefined {
  if (crash === undefined) return undefined;
  if (phase === "output" && output) {
    return `${crash} ${ACTIONS.output}: ${output.bytes} bytes at 0x${output.address}`;
  }
  const last = printed.findLast((line) => line.trim() !== "");
  return `${crash} ${ACTIONS[phase]}${last === undefined ? "" : `: ${last.trim()}`}`;
}

/** Why a trial that should have gone like those before it has not, if it has not crashed either. */
export function failureText({ failure, phase, printed }: TrialResult): string | undefined {
  if (failure === undefined) return undefined;
  if (phase === "start" || phase === "load" || phase === "init") {
    return `in a later process, ${
      withReason(failure, printed)
    }; each slot has a process of its own`;
  }
  return `the check cannot go on after its job: ${withReason(failure, printed)}`;
}
