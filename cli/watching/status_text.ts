/** What `distcomp status` prints for people. */

import { RUN_END_TEXTS } from "../../controller/output/journal/run_ending.ts";
import type { LiveRunFound } from "../../watch/find_run.ts";
import type { PastRun, RunSnapshot, WorkerAnswer } from "../../watch/snapshot.ts";
import { failureList } from "../display/failure_list.ts";
import {
  formatCount,
  formatDuration,
  formatNoun,
  formatRate,
  printable,
} from "../../system/format.ts";
import { runStateLines } from "../display/run_state_text.ts";
import { workerStateLines } from "../display/worker_state.ts";

/** A run that is going on. */
export function liveRunLines(run: RunSnapshot): string[] {
  const { core, pid, host, output } = run;
  return [
    `run of ${printable(core.name)}, process ${pid} on ${printable(host)}, ` +
    `outputs in ${printable(output)}`,
    ...runStateLines(run),
  ];
}

/** A line for each of several runs. */
export function runListLines(runs: readonly LiveRunFound[]): string[] {
  return runs.map(({ snapshot }) => {
    const { core, output, jobs, jobsPerSecond, elapsedMs, pid } = snapshot;
    const ended = jobs.done + jobs.failed;
    const counts = jobs.total === null
      ? formatNoun(ended, "job")
      : `${formatCount(ended)} of ${formatNoun(jobs.total, "job")}`;
    const failed = jobs.failed > 0 ? `, ${formatCount(jobs.failed)} failed` : "";
    return `${printable(output)}  ${printable(core.name)}, ${counts}${failed}, ` +
      `${formatRate(jobsPerSecond)} jobs/s, for ${formatDuration(elapsedMs)}, process ${pid}`;
  });
}

/** A worker that has answered. */
export function workerAnswerLines(worker: WorkerAnswer, address: string): string[] {
  const { name, software, platform } = worker;
  return [
    `worker ${printable(name)} at ${printable(address)}: ${printable(software)}, ` +
    printable(platform),
    ...workerStateLines(worker),
  ];
}

const ENDS: Readonly<Record<PastRun["end"], string>> = {
  ...RUN_END_TEXTS,
  ended: "has ended",
  killed: "was killed",
  unknown: "has ended with an error, or was killed",
};

/** A run that is over. */
export function pastRunLines(past: PastRun): string[] {
  const { output, end, left, error, jobs, unread, otherOutputs, damagedLines } = past;
  const counts = [
    `${formatNoun(jobs.done, "job")} done`,
    ...(jobs.failed > 0 ? [`${formatCount(jobs.failed)} failed`] : []),
    ...(left !== null && left > 0 ? [`${formatCount(left)} left`] : []),
  ];
  return [
    `the run in ${printable(output)} ${ENDS[end]}: ${counts.join(", ")}`,
    ...(otherOutputs > 0
      ? [
        `  ${formatNoun(otherOutputs, "further output")} of inputs that the last run did not have` +
        (unread > 0 ? " or could not use" : ""),
      ]
      : []),
    ...(error === undefined ? [] : [`  error: ${printable(error)}`]),
    ...failureLines(past),
    ...(damagedLines > 0
      ? [`  ${formatNoun(damagedLines, "line")} of its journal cannot be read`]
      : []),
    ...nextSteps(past),
  ];
}

function failureLines({ jobs, failures, otherFailures }: PastRun): string[] {
  if (failures.length === 0) return [];
  const listed = failures.reduce((sum, group) => sum + group.jobs, 0);
  const more = jobs.failed + otherFailures - listed;
  return [
    ...failureList(failures).map((line) => `  failed: ${line}`),
    ...(more > 0 ? [`  failed: ${formatCount(more)} more, see the journal`] : []),
    ...(otherFailures > 0
      ? [
        `  ${formatCount(otherFailures)} of these failed for inputs that the last run did not have`,
      ]
      : []),
  ];
}

/** What is left to do, if anything is. */
function nextSteps({ end, left, jobs, unread }: PastRun): string[] {
  const mayBeLeft = left === null ? end !== "complete" : left > 0;
  const retry = jobs.failed > unread;
  if (mayBeLeft) {
    const failed = retry ? "; --retry-failed also retries failed jobs" : "";
    return [`repeat its command to run the remaining jobs${failed}`];
  }
  if (retry) return ["repeat its command with --retry-failed to retry failed jobs"];
  if (jobs.failed === 0) return [];
  const inputs = jobs.failed === 1 ? "this input" : "these inputs";
  return [`repeat its command once ${inputs} can be used`];
}
