/** The progress of a run as one line of text. */

import type { RunStatus } from "../../controller/run.ts";
import type { LoadingSlots } from "../../controller/cluster/cluster_types.ts";
import { formatCount, formatNoun, formatRate, formatTimeLeft } from "../../system/format.ts";

const BAR_CHARS_MAX = 30;
const BAR_CHARS_MIN = 8;

/** The text between the bar and the rest. */
const PERCENT_CHARS = " 100%  ".length;

/** A progress line for a log. */
export function progressText(status: RunStatus, perSecond: number): string {
  return [...counts(status), ...details(status, perSecond)].join(", ");
}

/** A line with a bar that fits into `columns`. Details that do not fit are left out, the least important first. */
export function progressBar(status: RunStatus, perSecond: number, columns: number): string {
  const part = partEnded(status);
  const text = fitted(status, perSecond, columns - PERCENT_CHARS - BAR_CHARS_MIN);
  if (part === undefined) return text.slice(0, columns);
  const percent = `${Math.floor(100 * part)}%`.padStart(4);
  const room = columns - text.length - PERCENT_CHARS;
  if (room < BAR_CHARS_MIN) {
    const line = `${percent}  ${text}`;
    return line.length <= columns ? line : text.slice(0, columns);
  }
  const length = Math.min(room, BAR_CHARS_MAX);
  const filled = Math.round(part * length);
  return `${"█".repeat(filled)}${"░".repeat(length - filled)} ${percent}  ${text}`;
}

/** The counts, which are always shown, and as many details as fit. */
function fitted(status: RunStatus, perSecond: number, columns: number): string {
  let text = counts(status).join("  ");
  for (const detail of details(status, perSecond)) {
    const longer = `${text}  ${detail}`;
    if (longer.length > columns) break;
    text = longer;
  }
  return text;
}

function partEnded({ done, failed, total }: RunStatus): number | undefined {
  if (total === undefined) return undefined;
  return total === 0 ? 1 : Math.min(1, (done + failed) / total);
}

/** How many jobs have ended, and how many of them have failed. */
function counts({ done, failed, total }: RunStatus): string[] {
  const ended = done + failed;
  const failures = failed > 0 ? [`${formatCount(failed)} failed`] : [];
  if (total === undefined) return [formatNoun(ended, "job"), ...failures];
  return [`${formatCount(ended)}/${formatNoun(total, "job")}`, ...failures];
}

/** The details after the counts, the most important first. */
function details(status: RunStatus, perSecond: number): string[] {
  const { phase, workers, slots, slotsAreKnown, loading, lost } = status;
  if (phase === "ending") return ["ending"];
  return [
    loading ? loadingText(loading) : "",
    timeText(status, perSecond),
    perSecond > 0 ? `${formatRate(perSecond)} jobs/s` : "",
    `${formatNoun(workers, "worker")}${lost > 0 ? ` (${formatCount(lost)} lost)` : ""}`,
    `${slotsAreKnown ? "" : "≥"}${formatNoun(slots, "slot")}`,
  ].filter((text) => text !== "");
}

/** How long it takes, or what a run waits for that starts no more jobs. */
function timeText(status: RunStatus, perSecond: number): string {
  const { phase, workers, inFlight } = status;
  if (phase === "draining") return inFlight > 0 ? `finishing ${formatNoun(inFlight, "job")}` : "";
  const leftMs = (jobsLeft(status) / perSecond) * 1000;
  return workers > 0 && Number.isFinite(leftMs) ? `${formatTimeLeft(leftMs)} left` : "";
}

/** `loading core on 3 of 8 slots, 12s` */
function loadingText({ slots, slotsTotal, ms }: LoadingSlots): string {
  return `loading core on ${slots} of ${formatNoun(slotsTotal, "slot")}, ${formatTimeLeft(ms)}`;
}

/** Jobs that still have to run, without those that will be skipped. `NaN` if unknown. */
function jobsLeft({ done, failed, skipsLeft, total = NaN }: RunStatus): number {
  return Math.max(0, total - done - failed - skipsLeft);
}
