/** What a run says at its end. */

import { join } from "node:path";
import process from "node:process";
import { styleText } from "node:util";
import { STATE_FOLDER } from "../controller/output/directory_sink.ts";
import type { Faults } from "../controller/cluster/retries.ts";
import type { RunStatus } from "../controller/run.ts";
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatNoun,
  formatRate,
  printable,
} from "./format.ts";

/** A name longer than this does not push the reasons out of the window. */
const NAME_CHARS_MAX = 40;

/** A worker may give a page as its reason. The journal has all of it. */
const REASON_CHARS_MAX = 300;

/** The summary for people, a few lines. */
export function summaryText(status: RunStatus, outputs: string): string {
  const lines = [headline(status, outputs), figures(status)];
  const faults = faultsText(status.faults);
  if (faults !== "") lines.push(`attempts that failed: ${faults}`);
  if (status.failed > 0) lines.push(...failureLines(status, outputs));
  return lines.join("\n");
}

/** The summary for programs: one JSON object on one line. */
export function summaryJson(status: RunStatus, outputs: string, error: string | undefined): string {
  const seconds = status.elapsedMs / 1000;
  return JSON.stringify({
    jobs: status.done + status.failed,
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
    faults: status.faults,
    workers: status.workers,
    slots: status.slots,
    outputs,
    record: recordIn(outputs),
    failures: status.failures,
    failuresLeftOut: status.failed - status.failures.length,
    ...(error === undefined ? {} : { error }),
  });
}

/** One line, for those who want to hear of nothing else. */
export function failuresText({ done, failed }: RunStatus, outputs: string): string {
  return `${formatCount(failed)} of ${formatNoun(done + failed, "job")} failed, see ${
    recordIn(outputs)
  }`;
}

function headline(status: RunStatus, outputs: string): string {
  const { done, skippedDone, failed, total, elapsedMs } = status;
  const time = formatDuration(elapsedMs);
  const before = skippedDone > 0 ? ` (${formatCount(skippedDone)} of them before)` : "";
  if (done === total) {
    return color("green", `${formatNoun(done, "job")} done in ${time}`) +
      `${before}, outputs in ${outputs}`;
  }
  // A run that was ended before it had seen all its inputs may not know how many there are.
  const counts = total === undefined
    ? `${formatNoun(done, "job")} done`
    : `${formatCount(done)} of ${formatNoun(total, "job")} done`;
  const failures = failed > 0 ? `, ${color("red", `${formatCount(failed)} failed`)}` : "";
  return `${counts}${before}${failures}, in ${time}, outputs in ${outputs}`;
}

/** Those that this run has brought to their end. */
function jobsOf({ done, failed, skippedDone, skippedFailed }: RunStatus): number {
  return done + failed - skippedDone - skippedFailed;
}

function figures(status: RunStatus): string {
  const { elapsedMs, bytesIn, bytesOut, busyPart } = status;
  const seconds = elapsedMs / 1000;
  return [
    `${formatRate(jobsOf(status) / seconds)} jobs/s`,
    `${formatBytes(bytesIn)} in, ${formatBytes(bytesOut)} out`,
    `${formatBytes((bytesIn + bytesOut) / seconds)}/s`,
    `slots busy ${Math.round(100 * busyPart)} % of the time`,
  ].join(" · ");
}

/** Every kind of fault counts for itself: what to do about each is something else. */
function faultsText({ exitCodes, crashes, timeouts, memory, lost }: Faults): string {
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

function failureLines(status: RunStatus, outputs: string): string[] {
  const { failures, failed, skippedFailed } = status;
  const longest = Math.max(...failures.map(({ name }) => name.length));
  const width = Math.min(longest, NAME_CHARS_MAX);
  const lines = failures.map(({ name, reason }) =>
    `  ${printable(name).padEnd(width)}  ${cut(printable(reason))}`
  );
  const rest = failed - failures.length;
  const where = `in ${recordIn(outputs)}`;
  const more = rest > 0 ? `  and ${formatCount(rest)} more, ${where}` : `  (all jobs: ${where})`;
  const hint = skippedFailed > 0
    ? [`  (${formatCount(skippedFailed)} in an earlier run; --retry-failed runs what failed again)`]
    : [];
  return [color("red", "Failed:"), ...lines, more, ...hint];
}

function cut(reason: string): string {
  return reason.length > REASON_CHARS_MAX ? `${reason.slice(0, REASON_CHARS_MAX)} …` : reason;
}

function recordIn(outputs: string): string {
  return join(outputs, STATE_FOLDER, "jobs.jsonl");
}

function round(value: number, digits: number): number {
  return Number.isFinite(value) ? Number(value.toFixed(digits)) : 0;
}

function color(name: "green" | "red", text: string): string {
  return styleText(name, text, { stream: process.stdout });
}
