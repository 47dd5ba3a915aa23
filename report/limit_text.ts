/** What limits a run, as a sentence, and what to do about it. */

import {
  formatBytes,
  formatCount,
  formatDuration,
  formatMeasured,
  formatNoun,
  printable,
} from "../system/format.ts";
import { fewJobsText } from "./few_jobs_text.ts";
import type { Figures, NodeFigures } from "./figures.ts";
import type { Missing } from "./missing_attempts.ts";
import type { LimitText } from "./limit_line.ts";
import { BUSY_PART, type Limit, SHORT_MS } from "./run_limits.ts";
import { percent } from "./percent.ts";

/** A job that ran for this part of a run could not have begun earlier. */
const WHOLE_PART = 0.8;

/** The text of a finding. */
export function limitText(limit: Limit, figures: Figures): LimitText {
  const { kind, together = 1 } = limit;
  const name = printable(limit.name ?? "");
  switch (kind) {
    case "nothing ran":
      return nothingText(figures);
    case "node":
      return nodeText(name, figures.nodes.find((node) => node.name === limit.name), figures);
    case "memory":
      return memoryText(figures);
    case "failures":
      return failuresText(name, figures);
    case "straggler":
      return stragglerText(name, figures);
    case "unknown":
      return {
        what: "the journal does not say when jobs ran, so what limited the run is not known",
        advice: "workers of this version report it",
      };
    case "missing attempts":
      return missingText(figures);
    case "few jobs":
      return fewJobsText(figures);
    case "no worker":
      return lackText(figures);
    default:
      return speedText(kind, together, figures);
  }
}

/** What limits a run whose jobs succeed, as far as slots say it. */
type SpeedKind =
  | "waiting in jobs"
  | "slots"
  | "start"
  | "end"
  | "inputs"
  | "short jobs"
  | "transfer"
  | "several";

function speedText(kind: SpeedKind, together: number, figures: Figures): LimitText {
  const { cpuPart = 1, medianMs, bytesPerJob, headMs, tailMs, lengthMs } = figures;
  const busy = percent(figures.busyPart ?? 0);
  switch (kind) {
    case "waiting in jobs":
      return {
        what: `jobs computed for only ${percent(cpuPart)} of the time that they ran: they waited ` +
          "for a disk, a network, each other, or CPUs that others used",
        advice: "where CPUs are idle, more slots than CPUs " +
          `(distcomp ${figures.isOnThisMachine ? "run" : "worker"} --slots) help`,
      };
    case "slots":
      return {
        what: `slots were busy for ${busy} of the time, so they are what limits the run`,
        advice: "more workers or a faster core would shorten it",
      };
    case "inputs":
      return {
        what: `slots were busy for only ${busy} of the time, as they waited for inputs`,
        advice: medianMs < SHORT_MS
          ? "put many of these short jobs in one input, or read lines of one file (--lines)"
          : "read inputs from a faster disk, or many small files from one tar (--inputs)",
      };
    case "short jobs":
      return {
        what:
          `jobs take ${formatMeasured(medianMs)}, and slots were busy for only ${busy} of the ` +
          "time, as distcomp needs longer than that for each job",
        advice: `put ${formatCount(together)} in one input`,
      };
    case "start":
      return {
        what: `it took ${formatDuration(headMs)} of ${formatDuration(lengthMs)} until most slots ` +
          "were busy, so starting workers and slots is a large part of this run",
        advice: figures.isOnThisMachine
          ? "a longer run pays for that only once"
          : "give a run more jobs, or have workers running before it begins",
      };
    case "end":
      return {
        what: `for the last ${formatDuration(tailMs)}, ${percent(tailMs / lengthMs)} of the run, ` +
          "half of the slots or more were idle, and no job that ended then ran for so long",
        advice: "jobs that ran at the end may have been canceled, or outputs were still written",
      };
    case "several":
      return {
        what: `slots were busy for only ${busy} of the time, and no single reason stands out`,
        advice: "distcomp bench says what a job costs on each worker",
      };
    case "transfer":
      return {
        what:
          `slots were busy for only ${busy} of the time, although jobs were waiting: what takes ` +
          `the time is on the way, ${formatBytes(bytesPerJob)} per job`,
        advice:
          "make inputs and outputs smaller, do more with each, or use a faster network or disk",
      };
  }
}

function nodeText(name: string, node: NodeFigures | undefined, { nodes }: Figures): LimitText {
  const { jobs = 0, failed = 0 } = node ?? {};
  const sum = (key: "jobs" | "failed") => nodes.reduce((all, one) => all + one[key], 0);
  const others = (sum("failed") - failed) / Math.max(1, sum("jobs") - jobs);
  return {
    what:
      `the worker ${name} fails ${
        percent(failed / Math.max(1, jobs))
      } of its jobs, and the others ` +
      `${percent(others)} of theirs`,
    advice: "look at that machine, or leave it out",
  };
}

function memoryText({ memoryKills, jobs }: Figures): LimitText {
  const were = memoryKills === 1 ? "was killed because it" : "were killed because they";
  return {
    what: `${partOf(memoryKills, jobs)} ${were} used too much memory`,
    advice: "raise --memory, with fewer jobs at once (--slots) where a machine has no more, or " +
      "make jobs smaller",
  };
}

function failuresText(reason: string, { jobs, failed, topReason }: Figures): LimitText {
  const { jobs: alike = 0 } = topReason ?? {};
  const most = failed === 1
    ? "with"
    : alike === failed
    ? "all with"
    : alike > 1
    ? "most often with"
    : "for example with";
  return {
    what: `${partOf(failed, jobs)} failed${reason === "" ? "" : `, ${most} "${reason}"`}`,
    advice: "a faster run needs jobs that succeed first",
  };
}

function stragglerText(name: string, { tailMs, lengthMs, last, medianMs }: Figures): LimitText {
  const { runMs = 0 } = last ?? {};
  const factor = medianMs > 0 && runMs > 2 * medianMs
    ? `, ${formatCount(Math.round(runMs / medianMs))} times as long as the median job`
    : "";
  return {
    what:
      `for the last ${formatDuration(tailMs)}, ${percent(tailMs / lengthMs)} of the run, half ` +
      `of the slots or more were idle, while ${name} ran for ${formatDuration(runMs)}${factor}`,
    advice: runMs >= WHOLE_PART * lengthMs
      ? "split it: it ran for most of the run"
      : "split it, or put long jobs first in a list of inputs (distcomp run CORE - < LIST)",
  };
}

function missingText({ busyPart = 0, busyPartMax = 0, missing }: Figures): LimitText {
  return {
    what: `slots were busy for ${percent(busyPart)} to ${percent(busyPartMax)} of the time, as ` +
      missedText(missing),
    advice:
      (busyPartMax >= BUSY_PART
        ? "so slots may be what limits the run"
        : "so what limits the run is not known") +
      ", and its own summary says for how long slots were in use",
  };
}

/** `3 further attempts of 2 jobs (retries, copies or votes) are not in the journal` */
export function missedText({ attempts, jobs }: Missing): string {
  const verb = attempts === 1 ? "is" : "are";
  return `${formatNoun(attempts, "further attempt")} of ${formatNoun(jobs, "job")} (retries, ` +
    `copies or votes) ${verb} not in the journal`;
}

function nothingText({ isGoingOn, isComplete }: Figures): LimitText {
  if (isGoingOn) return { what: "no job has ended yet", advice: "" };
  if (isComplete) return { what: "the run had no inputs", advice: "" };
  return {
    what: "the run is over, and no job has ended in it",
    advice: "the same command runs its jobs",
  };
}

function lackText({ lackMs, lengthMs, nodes }: Figures): LimitText {
  const lost = nodes.findLast(({ leftReason }) => leftReason);
  return {
    what: `for ${formatDuration(lackMs)}, ${percent(lackMs / lengthMs)} of the run, there was no ` +
      "worker",
    advice: lost ? `${printable(lost.name)} left, for example: ${printable(lost.leftReason)}` : "",
  };
}

/** `3 of 5 jobs`, `all 5 jobs`, `the only job`. */
function partOf(count: number, all: number): string {
  if (count < all) return `${formatCount(count)} of ${formatNoun(all, "job")}`;
  return all === 1 ? "the only job" : `all ${formatNoun(all, "job")}`;
}
