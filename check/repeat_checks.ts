/** Checks of many runs in one process: leaks, threads and times. Pure. */

import { type Finding, findingsOf } from "./finding.ts";
import { growthPerRun } from "./memory_growth.ts";
import { crashText, type TrialResult } from "./trial_result.ts";

/** Fewer runs say nothing about leaks. */
const RUNS_MIN = 50;

/** The checks. `trial` is undefined if no input could be run. */
export function checkRepeated(trial: TrialResult | undefined, outputBytes: number): Finding[] {
  const names = ["leaks", "threads", "time"];
  if (!trial) return names.map((name) => findingsOf(name).skipped("no job has run to its end"));
  return [checkLeaks(trial, outputBytes), checkThreads(trial), checkTime(trial)];
}

function checkLeaks(trial: TrialResult, outputBytes: number): Finding {
  const finding = findingsOf("leaks");
  const crash = crashText(trial);
  if (crash !== undefined && trial.phase !== "unload" && trial.phase !== "end") {
    return finding.failed(`it ${crash}, after several runs in one process`);
  }
  const { runs } = trial.times;
  if (runs < RUNS_MIN) {
    return finding.skipped(`jobs take too long to run more than ${runs} of them`);
  }
  const growth = growthPerRun(trial.usage);
  if (growth === 0) return finding.ok(`memory does not grow over ${formatRuns(runs)}`);
  const isOutput = outputBytes > 0 && growth >= outputBytes && growth < 1.25 * outputBytes + 48;
  const hint = isOutput ? "; that is about an output: is it freed in worker_free_outdata?" : "";
  return finding.failed(`memory grows by ${growth} bytes per run, over ${formatRuns(runs)}${hint}`);
}

/** Whether the second job has left more threads than the first. */
export function leavesThreads({ runs: [first, second] }: TrialResult): boolean {
  return first !== undefined && second !== undefined && second.threads > first.threads;
}

function checkThreads(trial: TrialResult): Finding {
  const finding = findingsOf("threads");
  const { usage, runs } = trial;
  if (leavesThreads(trial)) return finding.failed("each job leaves threads behind");
  const [first] = usage;
  const last = usage.at(-1);
  const more = first && last ? last.threads - first.threads : 0;
  if (first && last && more > 0) {
    return finding.failed(
      `${more} more threads after ${formatRuns(last.run - first.run)}: jobs leave threads behind`,
    );
  }
  const kept = last?.threads ?? runs.at(-1)?.threads ?? 0;
  if (kept === 0) return finding.ok("no thread is left after a job");
  return finding.ok(
    `it keeps ${
      kept === 1 ? "a thread" : `${kept} threads`
    } between jobs; they must not touch an ` +
      "input whose job is over",
  );
}

function checkTime({ times, usage }: TrialResult): Finding {
  const finding = findingsOf("time");
  if (times.runs === 0) return finding.skipped("no job has run to its end");
  const bytes = usage.at(-1)?.residentBytes;
  const memory = bytes === undefined ? "" : `; the process uses ${Math.round(bytes / 1e6)} MB`;
  return finding.ok(
    `${formatMs(times.medianMs)} per job (median), ${formatMs(times.maxMs)} at most, over ` +
      `${formatRuns(times.runs)}${memory}`,
  );
}

function formatRuns(runs: number): string {
  return `${runs.toLocaleString("en-US")} ${runs === 1 ? "run" : "runs"}`;
}

function formatMs(ms: number): string {
  return ms < 1
    ? `${Math.ceil(ms * 1000)} µs`
    : ms < 1000
    ? `${Math.round(ms)} ms`
    : `${(ms / 1000).toFixed(1)} s`;
}
