/**
 * `distcomp run --dry-run`: says what a run would do. It goes through the inputs as the run would, and writes nothing.
 */

import { inputBytesOf } from "../../controller/cluster/cluster_types.ts";
import type { Source } from "../../controller/inputs/source.ts";
import {
  type PastResults,
  pastResults,
  type ResultsPlace,
} from "../../controller/output/past_results.ts";
import type { CoreImage } from "../../controller/workers/core_image.ts";
import { formatAddress } from "../../link/address.ts";
import type { Runtime } from "../../runtime/ports.ts";
import { shortKey } from "../display/core_key.ts";
import { ExitCode } from "../program/exit_code.ts";
import { formatBytes, formatCount, formatNoun, printable } from "../../system/format.ts";
import { jsonLine } from "../../system/json_line.ts";
import { printWarning, toStderr } from "../terminal/log.ts";
import { runLog } from "../terminal/run_log.ts";
import { jobsToSkip } from "./doubted_jobs.ts";
import { otherFilesText, resumeText } from "./resume_text.ts";
import { checkInputs, checkLogOf, namingOf, sourceOf } from "./run_inputs.ts";
import type { RunFlags } from "./run_options.ts";
import { nameOf, packFormatIn } from "./run_outputs.ts";
import { planOf, type RunPlan } from "./run_plan.ts";
import type { RunRequest } from "./run_request.ts";
import { writeStdout } from "../terminal/stdout.ts";
import { setupLines } from "../display/summary.ts";

/** The most jobs that are named. */
const NAMES_MAX = 3;

/** The most workers that are named. */
const WORKERS_MAX = 8;

/** What a run would do with its inputs. */
export interface DryCounts {
  /** Jobs that would run, the bytes of their inputs, and the names of the first of them. */
  jobs: number;
  bytesIn: number;
  readonly names: string[];
  /** Jobs that earlier runs have ended. */
  done: number;
  failedBefore: number;
  /** Inputs that cannot be read, and why the first of them cannot. */
  unreadable: number;
  readonly problems: string[];
}

/** Runs the command. Resolves to the exit status: 1 if there are inputs that cannot be read. */
export async function dryRun(runtime: Runtime, request: RunRequest): Promise<number> {
  const { flags } = request;
  const plan = await planOf(request, runtime, printWarning);
  await checkLogOf(runtime.files, request);
  await checkInputs(runtime.files, request);
  const past = flags.fresh ? undefined : await pastOf(runtime, flags, plan);
  try {
    const counts = await countJobs(runtime, request, past);
    const text = flags.json ? dryJson(counts, flags, plan) : dryText(counts, flags, plan);
    writeStdout(`${text}\n`);
    return counts.unreadable > 0 ? ExitCode.someFailed : ExitCode.ok;
  } finally {
    past?.close();
  }
}

async function pastOf(
  { files }: Runtime,
  flags: RunFlags,
  { core }: RunPlan,
): Promise<PastResults> {
  const { retryFailed = false, keepDone, output, pack } = flags;
  const place: ResultsPlace = pack === undefined
    ? { kind: "folder", path: output }
    : { kind: "pack", path: pack, format: packFormatIn(pack) };
  const numbering = namingOf(flags);
  return await pastResults(files, place, { core: core.key, retryFailed, keepDone, numbering });
}

async function countJobs(
  { files }: Runtime,
  request: RunRequest,
  past: PastResults | undefined,
): Promise<DryCounts> {
  const { flags } = request;
  const resume = past?.resume;
  const log = runLog(toStderr, flags.quiet ?? false);
  const others = await otherFilesText(files, flags);
  if (others) log.warn(others);
  const finished = jobsToSkip(resume, log);
  const resuming = resumeText(resume?.past, flags);
  if (resuming && !flags.quiet) toStderr(resuming);
  return await countsOf(sourceOf(files, request, finished, log));
}

/** Counts what a source yields. */
export async function countsOf({ batches }: Pick<Source, "batches">): Promise<DryCounts> {
  const counts: DryCounts = {
    jobs: 0,
    bytesIn: 0,
    names: [],
    done: 0,
    failedBefore: 0,
    unreadable: 0,
    problems: [],
  };
  for await (const batch of batches) {
    for (const task of batch) {
      if (task.kind === "ready") {
        counts.jobs += 1;
        counts.bytesIn += inputBytesOf(task);
        if (counts.names.length < NAMES_MAX) counts.names.push(task.name);
      } else if (task.kind === "unreadable") {
        counts.unreadable += 1;
        if (counts.problems.length < NAMES_MAX) {
          counts.problems.push(`${task.name}: ${task.reason}`);
        }
      } else if (task.outcome.state === "done") counts.done += 1;
      else counts.failedBefore += 1;
    }
  }
  return counts;
}

/** What the run would do, as a few lines. */
function dryText(counts: DryCounts, flags: RunFlags, plan: RunPlan): string {
  const { failedBefore, unreadable, problems } = counts;
  return [
    headline(counts),
    ...(failedBefore > 0
      ? [`  left out: ${formatNoun(failedBefore, "failed job")} (retry with --retry-failed)`]
      : []),
    ...(unreadable > 0 ? [`  cannot be read: ${listed(problems, unreadable, "; ")}`] : []),
    ...coreLines(plan.core),
    ...setupLines(plan.core.setup),
    `workers: ${workersText(flags, plan)}`,
    `outputs: ${printable(nameOf(flags))}`,
    "dry run: no job has run, and nothing was written",
  ].join("\n");
}

/** The core, or each of its builds. */
function coreLines({ builds, ...core }: CoreImage): string[] {
  if (!builds) return [coreLine(core)];
  return builds.map(({ platform, image }) => `${coreLine(image)}, for ${platform}`);
}

function coreLine({ name, content, key }: CoreImage): string {
  return `core: ${printable(name)}, ${formatBytes(content.byteLength)}, ${shortKey(key)}`;
}

function headline({ jobs, bytesIn, names, done, failedBefore, unreadable }: DryCounts): string {
  const total = jobs + done + failedBefore + unreadable;
  if (total === 0) return "nothing to do: there are no inputs";
  const before = done > 0 ? ` (${formatCount(done)} done in earlier runs)` : "";
  if (jobs === 0) return `would run none of ${formatNoun(total, "job")}${before}`;
  const all = jobs === total
    ? formatNoun(jobs, "job")
    : `${formatCount(jobs)} of ${formatNoun(total, "job")}`;
  return `would run ${all}${before}, ${formatBytes(bytesIn)} of inputs: ${
    listed(names, jobs, ", ")
  }`;
}

function listed(names: readonly string[], count: number, separator: string): string {
  const shown = names.map(printable).join(separator);
  const more = count - names.length;
  return more > 0 ? `${shown} and ${formatCount(more)} more` : shown;
}

function workersText({ listen }: RunFlags, { workers, local }: RunPlan): string {
  if (local) return `this machine, ${formatNoun(local.slots, "slot")}`;
  const names = workers.slice(0, WORKERS_MAX).map(formatAddress);
  const parts = workers.length > 0 ? [listed(names, workers.length, ", ")] : [];
  if (listen) parts.push(`those that connect to ${formatAddress(listen)}`);
  return parts.join("; ");
}

/** The same as one JSON object on one line. */
function dryJson(counts: DryCounts, flags: RunFlags, { core, workers }: RunPlan): string {
  const { jobs, bytesIn, done, failedBefore, unreadable } = counts;
  return jsonLine({
    dryRun: true,
    jobs,
    done,
    failedBefore,
    unreadable,
    total: jobs + done + failedBefore + unreadable,
    bytesIn,
    core: core.key,
    workers: workers.map(formatAddress),
    outputs: nameOf(flags),
  });
}
