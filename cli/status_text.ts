/** What `distcomp status` prints for people. */

import type { LiveRunFound } from "../watch/find_run.ts";
import type { PastRun, RunSnapshot, WorkerAnswer } from "../watch/snapshot.ts";
import { failureList } from "./failure_list.ts";
import { formatCount, formatDuration, formatNoun, formatRate, printable } from "./format.ts";
import { runStateLines } from "./run_state_text.ts";
import { workerStateLines } from "./worker_state.ts";

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
    const ended = formatCount(jobs.done + jobs.failed);
    const counts = jobs.total === null ? ended : `${ended} of ${formatCount(jobs.total)}`;
    const failed = jobs.failed > 0 ? `, ${formatCount(jobs.failed)} failed` : "";
    return `${printable(output)}  ${printable(core.name)}, ${counts} jobs${failed}, ` +
      `${formatRate(jobsPerSecond)} jobs/s, for ${formatDuration(elapsedMs)}, process ${pid}`;
  });
}

/** A worker that has answered. */
export function workerAnswerLines(worker: WorkerAnswer, address: string): string[] {
  const { name, software, platform, cores, slotsBytes } = worker;
  const status = {
    ...worker,
    cores: cores.map(({ sha256: key, ...core }) => ({ ...core, key })),
    slotsBytes: slotsBytes ?? undefined,
  };
  return [
    `worker ${printable(name)} at ${printable(address)}: ${printable(software)}, ` +
    printable(platform),
    ...workerStateLines(status),
  ];
}

/** A run that is over. */
export function pastRunLines({ output, end, jobs, failures, damagedLines }: PastRun): string[] {
  const how = end === "killed" ? "was killed" : "has ended";
  const failed = jobs.failed > 0 ? `, ${formatCount(jobs.failed)} failed` : "";
  return [
    `the run in ${printable(output)} ${how}: ${formatNoun(jobs.done, "job")} done${failed}`,
    ...(failures.length > 0 ? failureList(failures).map((line) => `  failed: ${line}`) : []),
    ...(damagedLines > 0
      ? [`  ${formatNoun(damagedLines, "line")} of its journal cannot be read`]
      : []),
    `type its command again to run what is missing${
      jobs.failed > 0 ? "; --retry-failed repeats what has failed" : ""
    }`,
  ];
}
