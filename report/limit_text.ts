/** What limits a run, as a sentence, and what to do about it. */

import {
  formatBytes,
  formatCount,
  formatDuration,
  formatNoun,
  formatShort,
  printable,
} from "../system/format.ts";
import type { Figures, NodeFigures } from "./figures.ts";
import type { Missing } from "./missing_attempts.ts";
import { type Limit, SHORT_MS } from "./limits.ts";

/** Both without a period, as they are put together. */
export interface LimitText {
  readonly what: string;
  readonly advice: string;
}

/** One line for a terminal. */
export function limitLine({ what, advice }: LimitText): string {
  return advice === "" ? what : `${what}: ${advice}`;
}

/** The text of a finding. */
export function limitText(limit: Limit, figures: Figures): LimitText {
  const { kind, together = 1 } = limit;
  const name = printable(limit.name ?? "");
  switch (kind) {
    case "nothing ran":
      return { what: "no job has ended yet", advice: "" };
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
        advice: "runs with workers of this version say it",
      };
    case "missing attempts":
      return missingText(figures);
    case "few jobs":
      return {
        what: `the run had ${formatNoun(figures.records, "job")} for ` +
          `${formatNoun(figures.slotsMax, "slot")}, which were idle for ${
            idle(figures)
          } of the time`,
        advice: "make smaller jobs of the same work, or use fewer workers",
      };
    default:
      return speedText(kind, together, figures);
  }
}

/** What limits a run whose jobs succeed, as far as slots say it. */
type SpeedKind =
  | "waiting in jobs"
  | "slots"
  | "start"
  | "inputs"
  | "short jobs"
  | "transfer"
  | "several";

function speedText(kind: SpeedKind, together: number, figures: Figures): LimitText {
  const { cpuPart = 1, medianMs, bytesPerJob, headMs, lengthMs } = figures;
  const busy = percent(figures.busyPart ?? 0);
  switch (kind) {
    case "waiting in jobs":
      return {
        what: `jobs computed for only ${percent(cpuPart)} of the time that they ran: they waited ` +
          "for a disk, a network, each other, or CPUs that others used",
        advice: "where CPUs are idle, more slots than CPUs (distcomp worker --slots) help",
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
        what: `jobs take ${formatShort(medianMs)}, and slots were busy for only ${busy} of the ` +
          "time, as distcomp needs longer than that for each job",
        advice: `put ${formatCount(together)} in one input`,
      };
    case "start":
      return {
        what: `it took ${formatDuration(headMs)} of ${formatDuration(lengthMs)} until most slots ` +
          "were busy, so starting workers and slots is a large part of this run",
        advice: "give a run more jobs, or keep workers running between runs",
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
      `the node ${name} fails ${percent(failed / Math.max(1, jobs))} of its jobs, and the others ` +
      `${percent(others)} of theirs`,
    advice: "look at that machine, or leave it out",
  };
}

function memoryText({ memoryKills, records }: Figures): LimitText {
  return {
    what: `${formatCount(memoryKills)} of ${formatNoun(records, "job")} were killed because they ` +
      "used too much memory",
    advice: "raise --memory, run fewer jobs at once (--slots), or make them smaller",
  };
}

function failuresText(reason: string, { jobs, failed, topReason }: Figures): LimitText {
  const most = topReason?.jobs === failed ? "all" : "most often";
  return {
    what: `${formatCount(failed)} of ${formatNoun(jobs, "job")} failed` +
      (reason === "" ? "" : `, ${most} with "${reason}"`),
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
      `for the last ${formatDuration(tailMs)}, ${percent(tailMs / lengthMs)} of the run, most ` +
      `slots were idle, while ${name} ran for ${formatDuration(runMs)}${factor}`,
    advice: "split it, or put long jobs first in a list of inputs (distcomp run CORE - < LIST)",
  };
}

function missingText({ busyPart = 0, missing }: Figures): LimitText {
  return {
    what: `slots were busy for ${percent(busyPart)} of the time or more, as ${missedText(missing)}`,
    advice:
      "so what limits the run is not known, and the run's own summary says how busy slots were",
  };
}

/** `3 earlier attempts of 2 jobs are not in the journal` */
export function missedText({ attempts, jobs }: Missing): string {
  const verb = attempts === 1 ? "is" : "are";
  return `${formatNoun(attempts, "earlier attempt")} of ${
    formatNoun(jobs, "job")
  } ${verb} not in ` +
    "the journal";
}

function idle({ busyPart = 0 }: Figures): string {
  return percent(1 - busyPart);
}

/** `12%`, `0.3%`. */
export function percent(part: number): string {
  const value = 100 * part;
  return `${value > 0 && value < 1 ? Number(value.toPrecision(1)) : Math.round(value)}%`;
}
