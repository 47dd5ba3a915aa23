/** The summary of a run, as text and as JSON. */

import { join } from "../../runtime/files/path.ts";
import process from "node:process";
import { styleText } from "node:util";
import type { Faults } from "../../controller/cluster/job_policy.ts";
import { JOURNAL, STATE_FOLDER } from "../../controller/output/state_folder.ts";
import type { MeasuredTimes } from "../../controller/measured_times.ts";
import type { RunStatus } from "../../controller/run.ts";
import type { CoreSetup } from "../../protocol/mod.ts";
import { failureList } from "./failure_list.ts";
import { wrongWorkerLines } from "./wrong_workers.ts";
import { jsonLine } from "../../system/json_line.ts";
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatMeasured,
  formatNoun,
  formatRate,
  printable,
} from "../../system/format.ts";

/** What came with the core. */
export type ShownSetup = Pick<CoreSetup, "files" | "variables">;

/** Fewer jobs have a median and a longest time, and no percentile. */
const SPREAD_JOBS_MIN = 20;

/** A longer value of a variable is cut off. */
const VALUE_CHARS_MAX = 40;

/** The summary as a few lines of text. `outputs`: the folder or the pack. `isFresh`: the command had `--fresh`. */
export function summaryText(
  status: RunStatus,
  outputs: string,
  setup?: ShownSetup,
  journal = journalIn(outputs),
  isFresh = false,
): string {
  const shown = printable(outputs);
  const failures = status.failed > 0 ? failureLines(status, printable(journal), isFresh) : [];
  if (jobsOf(status) === 0 && status.total === endedOf(status)) {
    return [nothingToDo(status, shown), ...uncheckedLines(status), ...failures].join("\n");
  }
  const faults = faultsText(status.faults);
  const attempts = faults === "" ? [] : [`failed attempts: ${faults}`];
  const facts = [
    ...timesLines(status.times),
    ...setupLines(setup),
    ...verifiedLines(status),
    ...wrongLines(status, outputs, journal),
    ...uncheckedLines(status),
    ...attempts,
  ];
  const lines = [headline(status, shown), ...figures(status), ...facts];
  return [...lines, ...failures].join("\n");
}

/** The summary as one JSON object on one line. */
export function summaryJson(
  status: RunStatus,
  outputs: string,
  error: string | undefined,
  setup?: ShownSetup,
  journal = journalIn(outputs),
): string {
  const seconds = status.elapsedMs / 1000;
  return jsonLine({
    jobs: endedOf(status),
    total: status.total ?? null,
    done: status.done,
    failed: status.failed,
    resumed: status.skippedDone,
    failedBefore: status.skippedFailed,
    seconds: round(seconds, 3),
    jobsPerSecond: round(jobsOf(status) / seconds, 3),
    bytesIn: status.bytesIn,
    bytesOut: status.bytesOut,
    slotsBusy: round(status.busyPart, 4),
    times: status.times ?? null,
    faults: status.faults,
    verified: status.verified ?? null,
    workers: status.workers,
    slots: status.slots,
    outputs,
    record: journal,
    failures: status.failures,
    failuresLeftOut: status.failed - status.failures.length,
    reasons: status.failureGroups.map(({ reason, jobs }) => ({ reason, jobs })),
    env: Object.fromEntries(setup?.variables ?? []),
    with: (setup?.files ?? []).map(({ path }) => path),
    ...(error === undefined ? {} : { error }),
  });
}

/** The number of failures in one line, for `--quiet`. */
export function failuresText(status: RunStatus, journal: string): string {
  const { failed } = status;
  const jobs = formatNoun(endedOf(status), "job");
  return `${formatCount(failed)} of ${jobs} failed; see ${journal}`;
}

function headline(status: RunStatus, outputs: string): string {
  const { done, skippedDone, failed, total, elapsedMs } = status;
  const time = formatDuration(elapsedMs);
  const before = skippedDone > 0 ? ` (${formatCount(skippedDone)} from earlier runs)` : "";
  if (done === total) {
    return color("green", `${formatNoun(done, "job")} done in ${time}`) +
      `${before}, outputs in ${outputs}`;
  }
  // The total is unknown if the run ended before it had listed all inputs.
  const counts = total === undefined
    ? `${formatNoun(done, "job")} done`
    : `${formatCount(done)} of ${formatNoun(total, "job")} done`;
  const failures = failed > 0 ? `, ${color("red", `${formatCount(failed)} failed`)}` : "";
  return `${counts}${before}${failures}, in ${time}, outputs in ${outputs}`;
}

/** The headline of a run that had no job to run. */
function nothingToDo({ done, failed, total }: RunStatus, outputs: string): string {
  if (total === 0) return "nothing to do: there are no inputs";
  const runs = total === 1 ? "an earlier run" : "earlier runs";
  return `nothing to do: ${endedBefore(done, failed)} in ${runs}, outputs in ${outputs}`;
}

function endedBefore(done: number, failed: number): string {
  if (failed === 0) {
    return done === 1 ? "the job finished" : `all ${formatNoun(done, "job")} finished`;
  }
  const failures = color("red", `${formatCount(failed)} failed`);
  if (done === 0) return failed === 1 ? `the job ${color("red", "failed")}` : `all ${failures}`;
  return `of ${formatNoun(done + failed, "job")}, ${formatCount(done)} finished and ${failures}`;
}

/** Jobs that have ended, in this run or in earlier ones. */
function endedOf({ done, failed }: RunStatus): number {
  return done + failed;
}

/** Jobs that have ended in this run. */
function jobsOf(status: RunStatus): number {
  return endedOf(status) - status.skippedDone - status.skippedFailed;
}

/** Variables and files of the core: with others, the outputs might differ. */
export function setupLines(setup: ShownSetup | undefined): string[] {
  const { variables = [], files = [] } = setup ?? {};
  const shown = variables.map(([name, value]) => `${name}=${cutOff(value)}`).join(" ");
  return [
    ...(variables.length > 0 ? [`variables: ${shown}`] : []),
    ...(files.length > 0 ? [`with ${formatNoun(files.length, "file")} beside the core`] : []),
  ];
}

function cutOff(value: string): string {
  const text = printable(value);
  return text.length <= VALUE_CHARS_MAX ? text : `${text.slice(0, VALUE_CHARS_MAX)}…`;
}

/** How fast it went; nothing if no job has run, as when no input can be read. */
function figures(status: RunStatus): string[] {
  const { elapsedMs, bytesIn, bytesOut, busyPart } = status;
  if (busyPart === 0 && bytesIn === 0) return [];
  const seconds = elapsedMs / 1000;
  const parts = [
    `${formatRate(jobsOf(status) / seconds)} jobs/s`,
    `${formatBytes(bytesIn)} in, ${formatBytes(bytesOut)} out`,
    `${formatBytes((bytesIn + bytesOut) / seconds)}/s`,
    `slots ${Math.round(100 * busyPart)}% busy`, // that is, from the sending of a job until its answer
  ];
  return [parts.join(" · ")];
}

/** What jobs took in the core, as their slots have measured it. */
export function timesLines(times: MeasuredTimes | undefined): string[] {
  if (!times) return [];
  const { jobs, medianMs, p95Ms, maxMs, cpuPart, memoryBytesMax } = times;
  const within = jobs < SPREAD_JOBS_MIN ? "" : `, 95% within ${formatMeasured(p95Ms)}`;
  const spread = jobs === 1 ? "" : `${within}, longest ${formatMeasured(maxMs)}`;
  return [
    [
      `time in the core: ${jobs === 1 ? "" : "median "}${formatMeasured(medianMs)}${spread}`,
      ...(cpuPart === null ? [] : [`CPU ${Math.round(100 * cpuPart)}%`]),
      ...(memoryBytesMax === null ? [] : [`memory at most ${formatBytes(memoryBytesMax)}`]),
    ].join(" · "),
  ];
}

/** What `--verify` has found. */
function verifiedLines(status: RunStatus): string[] {
  if (!status.verified) return [];
  const { agreed, split, outvoted } = status.verified;
  const verified = `${formatCount(agreed)} of ${formatNoun(jobsOf(status), "job")}`;
  const splits = split === 0 ? "" : `; no two workers agree on ${formatNoun(split, "job")}`;
  const wrong = outvoted === 0
    ? ""
    : `; ${formatNoun(outvoted, "output")} of single workers dropped as wrong`;
  return [`verified: ${verified}, with the same output on two workers${splits}${wrong}`];
}

/** The workers that gave wrong outputs. */
function wrongLines({ verified }: RunStatus, outputs: string, journal: string): string[] {
  const isPack = journal !== journalIn(outputs);
  return verified ? wrongWorkerLines(verified, journal, isPack) : [];
}

/** What `--verify` has not looked at in this run. */
function uncheckedLines({ verified, skippedDone }: RunStatus): string[] {
  if (!verified || skippedDone === 0) return [];
  const them = skippedDone === 1 ? "it" : "them";
  const jobs = formatNoun(skippedDone, "job");
  return [`--verify has not checked ${jobs} of earlier runs; --fresh runs ${them} again`];
}

/** The count of each kind of fault, because each needs a different fix. */
export function faultsText({ exitCodes, crashes, timeouts, memory, lost }: Faults): string {
  const kinds: [number, string, string][] = [
    [crashes, "crash", "crashes"],
    [timeouts, "timeout", "timeouts"],
    [memory, "over the memory limit", "over the memory limit"],
    [exitCodes, "non-zero exit code", "non-zero exit codes"],
    [lost, "lost with its worker", "lost with their workers"],
  ];
  return kinds.filter(([count]) => count > 0)
    .map(([count, one, many]) => `${formatCount(count)} ${count === 1 ? one : many}`)
    .join(", ");
}

function failureLines(status: RunStatus, journal: string, isFresh: boolean): string[] {
  const { failureGroups, failed, skippedFailed } = status;
  const left = failed - failureGroups.reduce((sum, { jobs }) => sum + jobs, 0);
  const rest = left > 0
    ? `and ${formatNoun(left, "more failed job")}, see ${journal}`
    : `(all jobs: ${journal})`;
  const before = skippedFailed > 0
    ? [`(${formatCount(skippedFailed)} failed in an earlier run)`]
    : [];
  const lines = [...failureList(failureGroups), rest, ...before];
  return [
    color("red", "Failed:"),
    ...lines.map((line) => `  ${line}`),
    nextStep(status, isFresh),
  ];
}

/** What to type next. With `--fresh`, the same command would run all jobs again. */
function nextStep({ failed, unread }: RunStatus, isFresh: boolean): string {
  if (failed > unread) {
    const instead = isFresh ? " instead of --fresh" : "";
    return `repeat the command with --retry-failed${instead} to retry failed jobs`;
  }
  const inputs = unread === 1 ? "this input" : "these inputs";
  return `repeat the command${isFresh ? " without --fresh" : ""} once ${inputs} can be used`;
}

function journalIn(outputs: string): string {
  return join(outputs, STATE_FOLDER, JOURNAL);
}

function round(value: number, digits: number): number {
  return Number.isFinite(value) ? Number(value.toFixed(digits)) : 0;
}

function color(name: "green" | "red", text: string): string {
  return styleText(name, text, { stream: process.stdout });
}
