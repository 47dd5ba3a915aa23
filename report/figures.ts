/** The figures of a report from which follows what limits the run. */

import type { Missing } from "./missing_attempts.ts";
import type { Report } from "./report.ts";

/** With a smaller part of all slots busy, a run has not really begun yet, or is at its end. */
const BUSY_PART_MIN = 0.5;

/** A node, as far as its failures matter. */
export interface NodeFigures {
  readonly name: string;
  readonly jobs: number;
  readonly failed: number;
}

/** What the rules look at. Times are in milliseconds. */
export interface Figures {
  /** Jobs, and those of them that failed in the end. */
  readonly jobs: number;
  readonly failed: number;
  /** The most frequent reason of failures, and how many jobs it has. */
  readonly topReason: { readonly reason: string; readonly jobs: number } | undefined;
  /** Failed records by their kind. */
  readonly memoryKills: number;
  readonly records: number;
  /** Slots that there were on average, and the most at once. */
  readonly slots: number;
  readonly slotsMax: number;
  readonly lengthMs: number;
  /** The part of all slots that was busy; `undefined` if the journal does not say when jobs ran. */
  readonly busyPart: number | undefined;
  /** What that part may have been with the attempts that are not in the journal. */
  readonly busyPartMax: number | undefined;
  readonly missing: Missing;
  /** CPU time of the jobs as a part of their time in the core; `undefined` if it is not known. */
  readonly cpuPart: number | undefined;
  readonly medianMs: number;
  /** Jobs that were read and did not run yet, on average, for each slot. */
  readonly waitingPerSlot: number;
  /** Bytes of input and output of a job. */
  readonly bytesPerJob: number;
  /** The beginning and the end of the run, in which few slots were busy. */
  readonly headMs: number;
  readonly tailMs: number;
  /** The job that ended last. */
  readonly last: { readonly name: string; readonly runMs: number } | undefined;
  readonly nodes: readonly NodeFigures[];
}

/** The figures of a report. `isGoingOn`: a run that goes on has no end yet. */
export function figuresOf(report: Report, isGoingOn: boolean): Figures {
  const { done, failed, lengthMs, capacityMs, busyMs, knowledge, missing, runTimes } = report;
  const [top] = report.failures;
  const slots = lengthMs > 0 ? capacityMs / lengthMs : 0;
  const isTimed = knowledge.timed > 0 && capacityMs > 0;
  const { headMs, tailMs } = isTimed ? idleEnds(report) : { headMs: 0, tailMs: 0 };
  return {
    jobs: done + failed,
    failed,
    topReason: top && { reason: top.reason, jobs: top.jobs },
    memoryKills: report.causes.get("memory") ?? 0,
    records: knowledge.records,
    slots,
    slotsMax: report.slotsMax,
    lengthMs,
    busyPart: isTimed ? Math.min(1, busyMs / capacityMs) : undefined,
    busyPartMax: isTimed ? Math.min(1, (busyMs + missing.ms) / capacityMs) : undefined,
    missing,
    cpuPart: report.cpuRunMs > 0 ? Math.min(1, report.cpuMs / report.cpuRunMs) : undefined,
    medianMs: (runTimes.count > 0 ? runTimes : report.failedTimes).quantile(0.5),
    waitingPerSlot: capacityMs > 0 ? report.waitingMs / capacityMs : 0,
    bytesPerJob: (report.bytesIn + report.bytesOut) / Math.max(1, knowledge.records),
    headMs,
    tailMs: isGoingOn ? 0 : tailMs,
    last: report.lastEnded,
    nodes: report.nodes,
  };
}

/** How long at the beginning and at the end fewer than half of all slots were busy. */
function idleEnds(report: Report): { readonly headMs: number; readonly tailMs: number } {
  const { series, lengthMs, slotsMax, knowledge } = report;
  const { widthMs, busyMs, capacityMs } = series;
  const slots = knowledge.hasWorkers ? Math.max(...capacityMs) / widthMs : slotsMax;
  const isBusy = busyMs.subarray(0, Math.ceil(lengthMs / widthMs)).map((busy, bin) => {
    const spanMs = Math.min(widthMs, lengthMs - bin * widthMs); // the last bin may be cut
    return busy >= BUSY_PART_MIN * slots * spanMs ? 1 : 0;
  });
  const [first, last] = [isBusy.indexOf(1), isBusy.lastIndexOf(1)];
  if (first < 0) return { headMs: 0, tailMs: 0 }; // never, and other rules say why
  return { headMs: first * widthMs, tailMs: Math.max(0, lengthMs - (last + 1) * widthMs) };
}
