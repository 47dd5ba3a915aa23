/** What limits a run that has few jobs for its slots. */

import {
  formatCount,
  formatDuration,
  formatMeasured,
  formatNoun,
  printable,
} from "../system/format.ts";
import type { Figures } from "./figures.ts";
import type { LimitText } from "./limit_line.ts";
import { percent } from "./percent.ts";

/** A job that ran for this part of the run is what the run waited for. */
const MOST_PART = 0.5;

/** A job that kept so many CPUs busy has used more than its slot. */
const CPUS_MIN = 1.5;

/** The text for a run of one job, of no more jobs than slots, or of few for each slot. */
export function fewJobsText(figures: Figures): LimitText {
  const { records, slotsMax, longest, lengthMs, cpuPart = 1 } = figures;
  if (!longest) return idleText(figures);
  if (records > slotsMax && !isMostlyStart(figures, longest.runMs)) return idleText(figures);
  const ran = `ran for ${formatMeasured(longest.runMs)} of ${formatDuration(lengthMs)}`;
  const cpus = records === 1 && cpuPart >= CPUS_MIN ? `, on ${cpuPart.toFixed(1)} CPUs` : "";
  const what = records === 1
    ? `the run was one job, which ${ran}${cpus}`
    : `the run had ${formatCount(records)} jobs for ${formatNoun(slotsMax, "slot")}, and the ` +
      `longest of them, ${printable(longest.name)}, ${ran}`;
  return { what, advice: adviceFor(figures, longest.runMs) };
}

/** Whether little of the time was jobs, even if each had run as long as the longest. */
function isMostlyStart({ records, slotsMax, lengthMs }: Figures, runMs: number): boolean {
  return Math.ceil(records / slotsMax) * runMs < MOST_PART * lengthMs;
}

function adviceFor({ records, slotsMax, lengthMs, cpuPart = 1 }: Figures, runMs: number): string {
  if (runMs < MOST_PART * lengthMs) {
    return "the rest is the start and the end of workers and slots, which more jobs would share";
  }
  if (records > 1) return "smaller jobs of the same work, or a faster core, would shorten it";
  return slotsMax > 1 && cpuPart < CPUS_MIN
    ? "split it, so that other slots have something to do, or use a faster core"
    : "a faster core would shorten it";
}

function idleText({ records, slotsMax, busyPart = 0 }: Figures): LimitText {
  return {
    what: `the run had ${formatNoun(records, "job")} for ${formatNoun(slotsMax, "slot")}, which ` +
      `were idle for ${percent(1 - busyPart)} of the time`,
    advice: "smaller jobs of the same work would keep all slots busy to the end",
  };
}
