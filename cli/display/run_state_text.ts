/** The state of a run as a few lines of text. */

import type { RunSnapshot, WorkerEntry } from "../../watch/snapshot.ts";
import { failureList } from "./failure_list.ts";
import { faultsText, timesLines } from "./summary.ts";
import {
  formatCount,
  formatDuration,
  formatNoun,
  formatRate,
  formatTimeLeft,
  printable,
} from "../../system/format.ts";
import { padded, widthOf } from "../terminal/terminal_text.ts";
import { workerLabels } from "./worker_labels.ts";

const PHASES: Readonly<Record<RunSnapshot["phase"], string>> = {
  starting: "",
  running: "",
  draining: "; starting no more jobs",
  ending: "; ending",
};

/** The most workers that are listed by name. */
const WORKERS_MAX = 20;

/** The most jobs that are listed, of those that run longest. */
const RUNNING_MAX = 3;

/** The most lost workers that are listed. */
const LOST_MAX = 5;

/** The widest column of workers' names. */
const NAME_COLUMNS_MAX = 40;

/** The jobs, each worker, the jobs that run longest, and the failures. */
export function runStateLines(run: RunSnapshot): string[] {
  const { workers, workersTotal, running, failures, at } = run;
  const labels = workerLabels(workers);
  const shown = workers.slice(0, WORKERS_MAX);
  const more = workersTotal - shown.length;
  return [
    `${headline(run)}${PHASES[run.phase]}`,
    ...(run.waitsFor === null ? [] : [`  waits for ${printable(run.waitsFor)}`]),
    ...workerLines(shown, labels),
    ...(more > 0 ? [`  and ${formatNoun(more, "more worker")}`] : []),
    ...lostLines(run),
    ...running.slice(0, RUNNING_MAX).map(({ name, address, worker, beganAt }) =>
      `  running for ${formatDuration(Math.max(0, at - beganAt))} on ` +
      `${labels.get(address) ?? printable(worker)}: ${printable(name)}`
    ),
    ...(failures.length > 0 ? failureList(failures).map((line) => `  failed: ${line}`) : []),
    ...timesLines(run.times ?? undefined).map((line) => `  ${line}`),
    ...attemptLines(run),
  ];
}

/** The latest of the workers that were lost. */
function lostLines({ lost, lostTotal, at }: RunSnapshot): string[] {
  const shown = lost.slice(0, LOST_MAX);
  const more = lostTotal - shown.length;
  return [
    ...shown.map(({ name, address, lostAt, reason, jobs }) => {
      const label = address.includes(name) ? address : `${address} (${name})`; // as the log says it
      const moved = jobs === 0 ? "" : `; ${formatNoun(jobs, "job")} rescheduled`;
      return `  lost ${printable(label)} ${formatDuration(Math.max(0, at - lostAt))} ago: ` +
        `${printable(reason)}${moved}`;
    }),
    ...(more > 0 ? [`  and ${formatNoun(more, "more lost worker")}`] : []),
  ];
}

/** Attempts beyond the first of each job, and what they were for. */
function attemptLines({ faults, copies, verified }: RunSnapshot): string[] {
  const failed = faultsText(faults);
  return [
    ...(failed === "" ? [] : [`  failed attempts: ${failed}`]),
    ...(copies.started === 0 ? [] : [
      `  second copies of stragglers: ${formatCount(copies.started)}, of which ` +
      `${formatCount(copies.won)} ended first`,
    ]),
    ...(verified
      ? [
        `  verified: ${formatNoun(verified.agreed, "job")}; ${
          formatCount(verified.split)
        } without ` +
        `agreement, ${formatNoun(verified.outvoted, "output")} dropped as wrong`,
      ]
      : []),
  ];
}

function headline(run: RunSnapshot): string {
  const { jobs, workersTotal, slots, elapsedMs, jobsPerSecond, leftMs } = run;
  const counts = [
    `${formatCount(jobs.done)} done`,
    `${formatCount(jobs.failed)} failed`,
    `${formatCount(jobs.running)} running`,
    `${formatCount(jobs.waiting)} waiting${jobs.total === null ? " (more may come)" : ""}`,
  ];
  return [
    `after ${formatDuration(elapsedMs)}: ${counts.join(", ")}`,
    `${formatNoun(workersTotal, "worker")}${lostText(run)}, ${formatNoun(slots, "slot")}`,
    ...(jobsPerSecond > 0 ? [`${formatRate(jobsPerSecond)} jobs/s`] : []),
    ...(leftMs !== null && leftMs > 0 ? [`${formatTimeLeft(leftMs)} left`] : []),
  ].join("; ");
}

function lostText({ lostTotal }: RunSnapshot): string {
  return lostTotal === 0 ? "" : ` (${formatCount(lostTotal)} lost)`;
}

function workerLines(
  workers: readonly WorkerEntry[],
  labels: ReadonlyMap<string, string>,
): string[] {
  const names = workers.map(({ address }) => labels.get(address) ?? "");
  const width = Math.min(NAME_COLUMNS_MAX, Math.max(0, ...names.map(widthOf)));
  return workers.map(({ slots, slotsBusy, jobsPerSecond, state }, index) => {
    const rate = `${formatRate(jobsPerSecond)} jobs/s`;
    const shown = state === "ready" ? "" : `, ${state === "loading" ? "loading the core" : state}`;
    return `  ${padded(names[index] ?? "", width)}  ${slotsBusy} of ${
      formatNoun(slots, "slot")
    } busy, ` +
      `${rate}${shown}`;
  });
}
