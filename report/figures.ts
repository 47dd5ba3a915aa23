/** The figures of a report from which follows what limits the run. */

import type { Report } from "./report.ts";
import { BINS } from "./time_bins.ts";

/** Below this part of all slots busy, the end of a run is its tail. */
const TAIL_BUSY_PART = 0.5;

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
  /** CPU time of the jobs as a part of their time in the core; `undefined` if it is not known. */
  readonly cpuPart: number | undefined;
  readonly medianMs: number;
  /** Jobs that were read and did not run yet, on average, for each slot. */
  readonly waitingPerSlot: number;
  /** Bytes of input and output of a job. */
  readonly bytesPerJob: number;
  /** The end of the run, in which few slots were busy. */
  readonly tailMs: number;
  /** The job that ended last. */
  readonly last: { readonly name: string; readonly runMs: number } | undefined;
  readonly nodes: readonly NodeFigures[];
}

/** The figures of a report. `isGoingOn`: a run that goes on has no end yet. */
export function figuresOf(report: Report, isGoingOn: boolean): Figures {
  const { done, failed, lengthMs, capacityMs, busyMs, knowledge, runTimes } = report;
  const [top] = report.failures;
  const slots = lengthMs > 0 ? capacityMs / lengthMs : 0;
  const isTimed = knowledge.timed > 0 && capacityMs > 0;
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
    cpuPart: report.cpuRunMs > 0 ? Math.min(1, report.cpuMs / report.cpuRunMs) : undefined,
    medianMs: (runTimes.count > 0 ? runTimes : report.failedTimes).quantile(0.5),
    waitingPerSlot: capacityMs > 0 ? report.waitingMs / capacityMs : 0,
    bytesPerJob: (report.bytesIn + report.bytesOut) / Math.max(1, knowledge.records),
    tailMs: isTimed && !isGoingOn ? tailOf(report) : 0,
    last: report.lastEnded,
    nodes: report.nodes,
  };
}

/** How long at the end fewer than half of all slots were busy. */
function tailOf({ series, lengthMs, slotsMax, knowledge }: Report): number {
  const { widthMs, busyMs, capacityMs } = series;
  const slots = knowledge.hasWorkers ? Math.max(...capacityMs) / widthMs : slotsMax;
  for (let bin = Math.min(BINS - 1, Math.floor(lengthMs / widthMs)); bin >= 0; bin--) {
    const spanMs = Math.min(widthMs, lengthMs - bin * widthMs); // the last bin may be cut
    if (spanMs > 0 && (busyMs[bin] as number) >= TAIL_BUSY_PART * slots * spanMs) {
      return Math.max(0, lengthMs - (bin + 1) * widthMs);
    }
  }
  return 0; // slots were never busy, and other rules say why
}
