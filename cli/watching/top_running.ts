/** The jobs that run longest, as lines for a terminal: how long, what, and where. */

import type { RunningEntry, RunSnapshot } from "../../watch/snapshot.ts";
import { formatDuration, printable } from "../../system/format.ts";
import { cutInMiddle, fitted, type Piece, widthOf } from "../terminal/terminal_text.ts";
import { workerLabels } from "../display/worker_labels.ts";

/** The columns of the time, and those between two parts of a line. */
const TIME_COLUMNS = 7;
const GAP = "  ";

/** At most `linesMax` lines. Names are cut so that workers have a column of their own. */
export function runningLines(
  { running, workers, at }: RunSnapshot,
  linesMax: number,
  columns: number,
): Piece[][] {
  const labels = workerLabels(workers);
  const jobs = running.slice(0, linesMax).map((entry) => ({
    time: formatDuration(Math.max(0, Math.round(at - entry.beganAt))).padStart(TIME_COLUMNS),
    name: printable(entry.name),
    where: whereText(entry, labels),
  }));
  const room = Math.max(0, columns - TIME_COLUMNS - 2 * GAP.length);
  const where = widest(jobs.map((job) => job.where), Math.floor(room / 2));
  const name = widest(jobs.map((job) => job.name), room - where);
  return jobs.map((job) => [
    [job.time + GAP],
    [fitted(cutInMiddle(job.name, name), name)],
    [GAP + cutInMiddle(job.where, where), "dim"],
  ]);
}

function whereText(
  { address, worker, attempt }: RunningEntry,
  labels: ReadonlyMap<string, string>,
): string {
  const label = labels.get(address) ?? printable(worker);
  return attempt > 1 ? `${label}, attempt ${attempt}` : label;
}

function widest(texts: readonly string[], columnsMax: number): number {
  return Math.min(columnsMax, Math.max(0, ...texts.map(widthOf)));
}
