/** Checks of many runs in one process: leaks, threads and times. Pure. */

import { formatBytes, formatMeasured, formatNoun } from "../system/format.ts";
import { type Finding, findingsOf } from "./finding.ts";
import { growthPerRun } from "./memory_growth.ts";
import { threadGrowth, THREADS_MORE_MAX } from "./thread_growth.ts";
import { crashText, failureText, type TrialResult } from "./trial_result.ts";

/** Fewer runs say nothing about leaks. */
const RUNS_MIN = 50;

/** What an allocation may take beyond its bytes. A leak of fewer bytes does not show whether it is of outputs. */
const ALLOCATOR_BYTES_MAX = 48;

/** The checks. `trial` is undefined if no input could be run. */
export function checkRepeated(trial: TrialResult | undefined, outputBytes: number): Finding[] {
  const names = ["leaks", "threads", "time"];
  if (!trial) return names.map((name) => findingsOf(name).skipped("no job has run to its end"));
  return [checkLeaks(trial, outputBytes), checkThreads(trial), checkTime(trial)];
}

function checkLeaks(trial: TrialResult, outputBytes: number): Finding {
  const finding = findingsOf("leaks");
  const crash = crashText(trial);
  if (crash !== undefined && trial.phase !== "unload") {
    return finding.failed(`it ${crash}, after several runs in one process`);
  }
  const failure = failureText(trial);
  if (failure !== undefined) return finding.failed(failure);
  const { runs } = trial.times;
  if (runs < RUNS_MIN) {
    const why = threadGrowth(trial.threadCounts).threads > THREADS_MORE_MAX
      ? "jobs leave too many threads behind"
      : "jobs take too long";
    return finding.skipped(`${why} to run more than ${runs} of them`);
  }
  const growth = growthPerRun(trial.usage);
  if (growth === 0) return finding.ok(`memory does not grow over ${formatNoun(runs, "run")}`);
  const isOutput = outputBytes >= ALLOCATOR_BYTES_MAX && growth >= 0.75 * outputBytes &&
    growth < 1.25 * outputBytes + ALLOCATOR_BYTES_MAX;
  const hint = isOutput
    ? "; that is about the size of an output: is it freed in worker_free_outdata?"
    : "";
  return finding.failed(
    `memory grows by ${growth} bytes per run, over ${formatNoun(runs, "run")}${hint}`,
  );
}

function checkThreads(trial: TrialResult): Finding {
  const finding = findingsOf("threads");
  const { threadCounts, runs } = trial;
  if (trial.times.runs === 0) return finding.skipped("no job has run to its end");
  const last = threadCounts.at(-1);
  const { threads: more, isLeak } = threadGrowth(threadCounts);
  if (last && isLeak !== false) {
    const text = `${formatNoun(more, "more thread")} after ${formatNoun(last.run, "run")}`;
    if (isLeak === true) return finding.failed(`${text}: jobs leave threads behind`);
    return finding.warning(`${text}, which are too few to tell whether jobs leave threads behind`);
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
  const memory = bytes === undefined ? "" : `; the process uses ${formatBytes(bytes)}`;
  return finding.ok(
    `${formatMeasured(times.medianMs)} per job (median), ${
      formatMeasured(times.maxMs)
    } at most, over ` +
      `${formatNoun(times.runs, "run")}${memory}`,
  );
}
