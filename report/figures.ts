/** The figures of a report from which follows what limits the run. */

import type { Missing } from "./missing_attempts.ts";
import type { Report } from "./report.ts";
import type { RunSpan } from "./run_times.ts";

/** With no more than half of all slots busy, a run has not really begun yet, or is at its end. */
const BUSY_PART_MIN = 0.51;

/** A node, as far as its failures matter. */
export interface NodeFigures {
  readonly name: string;
  readonly jobs: number;
  readonly failed: number;
  /** Why a worker of it left last; empty if none has. */
  readonly leftReason: string;
}

/** A job, as far as its time matters. */
export interface JobFigures {
  readonly name: string;
  readonly runMs: number;
}

/** What the rules look at. Times are in milliseconds. */
export interface Figures {
  /** Jobs, and those of them that failed in the end. */
  readonly jobs: number;
  readonly failed: number;
  /** The most frequent reason of failures, and how many jobs it has. */
  readonly topReason: { readonly reason: string; readonly jobs: number } | undefined;
  /** Jobs that were killed for their memory in the end. */
  readonly memoryKills: number;
  readonly records: number;
  /** Whether a run still goes on. */
  readonly isGoingOn: boolean;
  /** Whether the last run has noted that all its jobs have ended. */
  readonly isComplete: boolean;
  /** Whether runs had no other workers than those that they have started themselves. */
  readonly isOnThisMachine: boolean;
  /** The most slots at once. */
  readonly slotsMax: number;
  readonly lengthMs: number;
  /** How long there was no worker, behind the first one of each run. */
  readonly lackMs: number;
  /** The part of all slots that was busy; `undefined` if the journal does not say when jobs ran. */
  readonly busyPart: number | undefined;
  /** What that part may have been with the attempts that are not in the journal. */
  readonly busyPartMax: number | undefined;
  readonly missing: Missing;
  /** CPU time of the jobs as a part of their time in the core, or as a multiple; `undefined` if it is not known. */
  readonly cpuPart: number | undefined;
  readonly medianMs: number;
  /** Jobs that were read and did not run yet, on average, for each slot. */
  readonly waitingPerSlot: number;
  /** Bytes of input and output of a job. */
  readonly bytesPerJob: number;
  /** The beginning and the end of the run, in which few slots were busy. */
  readonly headMs: number;
  readonly tailMs: number;
  /** The job that ended last, and the one that ran longest. */
  readonly last: JobFigures | undefined;
  readonly longest: JobFigures | undefined;
  readonly nodes: readonly NodeFigures[];
}

/** The figures of a report. `isGoingOn`: a run that goes on has no end yet. */
export function figuresOf(report: Report, isGoingOn: boolean): Figures {
  const { done, failed, lengthMs, capacityMs, busyMs, knowledge, missing, runTimes } = report;
  const [top] = report.failures;
  const isTimed = knowledge.timed > 0 && capacityMs > 0;
  const { headMs, tailMs } = isTimed ? idleEnds(report) : { headMs: 0, tailMs: 0 };
  return {
    jobs: done + failed,
    failed,
    topReason: top && { reason: top.reason, jobs: top.jobs },
    memoryKills: report.causes.get("memory") ?? 0,
    records: knowledge.records,
    isGoingOn,
    isComplete: report.runs.at(-1)?.ending?.end === "complete",
    isOnThisMachine: report.isOnThisMachine,
    slotsMax: report.slotsMax,
    lengthMs,
    lackMs: knowledge.hasWorkers ? report.lackMs : 0,
    busyPart: isTimed ? Math.min(1, busyMs / capacityMs) : undefined,
    busyPartMax: isTimed ? Math.min(1, (busyMs + missing.ms) / capacityMs) : undefined,
    missing,
    cpuPart: report.cpuRunMs > 0 ? report.cpuMs / report.cpuRunMs : undefined,
    medianMs: (runTimes.count > 0 ? runTimes : report.failedTimes).quantile(0.5),
    waitingPerSlot: capacityMs > 0 ? report.waitingMs / capacityMs : 0,
    bytesPerJob: (report.bytesIn + report.bytesOut) / Math.max(1, knowledge.records),
    headMs,
    tailMs: isGoingOn ? 0 : tailMs,
    last: report.lastEnded,
    longest: report.longest[0],
    nodes: report.nodes,
  };
}

/** How long at the beginning and at the end half of the slots or more were idle, of the runs that ran jobs. */
function idleEnds(report: Report): { readonly headMs: number; readonly tailMs: number } {
  const { runs, runCount } = report;
  const ran = runs.filter(({ jobs }) => jobs > 0);
  const [first, last] = [ran[0], ran.at(-1)];
  const knowsFirst = runs.length === runCount; // of many runs, only the last ones are known
  return {
    headMs: first && knowsFirst ? headOf(report, first) : 0,
    tailMs: last ? tailOf(report, last) : 0,
  };
}

/** How long it took until more than half of the slots were busy that the run had at any time. */
function headOf({ series }: Report, { atMs, lengthMs }: RunSpan): number {
  const { widthMs, busyMs, capacityMs } = series;
  const [from, to] = [Math.ceil(atMs / widthMs), Math.ceil((atMs + lengthMs) / widthMs)];
  const slots = Math.max(0, ...capacityMs.subarray(from, to)) / widthMs;
  const isBusy = (busy: number) => busy > 0 && busy >= BUSY_PART_MIN * slots * widthMs;
  const first = busyMs.subarray(from, to).findIndex(isBusy);
  return first < 0 ? 0 : (from + first) * widthMs - atMs; // never, and other rules say why
}

/** For how long no more than half of the slots were busy that were there then. */
function tailOf({ series }: Report, { atMs, lengthMs }: RunSpan): number {
  const { widthMs, busyMs, capacityMs } = series;
  const endMs = atMs + lengthMs;
  const [from, to] = [Math.ceil(atMs / widthMs), Math.ceil(endMs / widthMs)];
  const last = busyMs.subarray(from, to).findLastIndex((busy, bin) =>
    busy > 0 && busy >= BUSY_PART_MIN * (capacityMs[from + bin] as number)
  );
  return last < 0 ? 0 : Math.max(0, endMs - (from + last + 1) * widthMs);
}
