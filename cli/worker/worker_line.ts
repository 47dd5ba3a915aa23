/** What a worker is doing, in one line: alive at the bottom of a terminal, otherwise in the log now and then. */

import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../system/log.ts";
import type { WorkerStatus } from "../../protocol/mod.ts";
import { formatBytes, formatCount, formatNoun, printable } from "../../system/format.ts";
import { canShowLine, liveLine, type Progress } from "../terminal/live_line.ts";
import { toStderr } from "../terminal/log.ts";

/** Each time, the system is asked for the memory of each slot. */
const REDRAW_MS = 1_000;

/** Seldom enough for a log of weeks. */
const LINE_MS = 60_000;

/** Shows what the worker does: a line that lives on a terminal, and timed lines in the log elsewhere. */
export function showWorker(status: () => WorkerStatus, clock: Clock, log: Log): Progress {
  if (canShowLine()) return liveLine((columns) => workerLine(status(), columns), clock, REDRAW_MS);
  const lines = new WorkerLines();
  const timer = clock.every(LINE_MS, () => {
    const text = lines.next(status());
    if (text !== undefined) log.info(text);
  });
  return { write: toStderr, suspend: () => {}, stop: () => timer.stop() };
}

/** The lines for a log. A worker that has nothing to do says so once. */
export class WorkerLines {
  #last = "";
  #ended = 0;

  /** The next line; `undefined` if there is no news. */
  next(status: WorkerStatus): string | undefined {
    const ended = status.jobs.done + status.jobs.failed;
    const isIdle = status.slotsBusy === 0 && ended === this.#ended;
    this.#ended = ended;
    if (isIdle && (this.#last === "idle" || ended === 0)) return undefined;
    this.#last = isIdle ? "idle" : "busy";
    return partsOf(status).join(", ");
  }
}

/** The line for a terminal. Details that do not fit into `columns` are left out, the least important first. */
export function workerLine(status: WorkerStatus, columns: number): string {
  let [text = "", ...details] = partsOf(status);
  for (const detail of details) {
    const longer = `${text}  ${detail}`;
    if (longer.length > columns) break;
    text = longer;
  }
  return text.slice(0, columns);
}

/** The most important first. */
function partsOf(status: WorkerStatus): string[] {
  const { slots, slotsBusy, slotsBytes, memoryFreeBytes, jobs, jobsWaiting, isDraining } = status;
  const busy = `${formatCount(slotsBusy)}/${formatNoun(slots, "slot")} busy`;
  return [
    isDraining ? `draining: ${busy}` : busy,
    `${formatCount(jobs.done)} done`,
    `${formatCount(jobs.failed)} failed`,
    controllersText(status.controllers),
    ...coresText(status.cores),
    ...(jobsWaiting > 0 ? [`${formatCount(jobsWaiting)} waiting`] : []),
    ...(slotsBytes === null ? [] : [`${formatBytes(slotsBytes)} in slots`]),
    `${formatBytes(memoryFreeBytes)} free`,
  ];
}

/** For whom it works. Several connections of one host are one controller to whoever looks at this. */
function controllersText(controllers: readonly string[]): string {
  const hosts = new Set(controllers.map((name) => printable(name.replace(/:\d+$/, ""))));
  const [first, ...others] = hosts;
  if (first === undefined) return "no controller";
  return `for ${first}${others.length > 0 ? ` and ${others.length} more` : ""}`;
}

function coresText(cores: WorkerStatus["cores"]): string[] {
  const [first, ...others] = cores.toSorted((one, other) => other.slots - one.slots);
  if (!first) return [];
  return [`core ${printable(first.name)}${others.length > 0 ? ` and ${others.length} more` : ""}`];
}
