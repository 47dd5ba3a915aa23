/** A worker on the screen of `distcomp top`. */

import { RecentRate } from "../../system/recent_rate.ts";
import type { Throughput, WorkerAnswer } from "../../watch/snapshot.ts";
import { ThroughputSeries } from "../../watch/throughput.ts";
import { shortKey } from "../display/core_key.ts";
import {
  formatBytes,
  formatCount,
  formatNoun,
  formatRate,
  printable,
} from "../../system/format.ts";
import { sparkline, usageBar } from "./terminal_charts.ts";
import { fitted, styledLine, wholePieces, widthOf } from "../terminal/terminal_text.ts";
import type { Watched } from "./top.ts";
import { footLine, framed, type Line, titleLine } from "./top_frame.ts";
import type { ScreenSize, TopView } from "./top_view.ts";
import { firstShown } from "./top_workers.ts";

/** The widest bar of slots. */
const BAR_COLUMNS_MAX = 30;

/** The lines of the head. */
const HEAD_ROWS = 5;

/** How fast a worker has been since somebody looks. */
interface Pace {
  readonly jobsPerSecond: number;
  readonly throughput: Throughput;
}

/** A worker that is asked each second. What it did before is not known. */
export class TopWorker implements Watched {
  readonly #address: string;
  readonly #ask: () => Promise<WorkerAnswer>;
  #before = 0;
  #startedAt = 0;
  #rate = new RecentRate(0);
  #series = new ThroughputSeries(0);
  #worker: WorkerAnswer;

  constructor(address: string, ask: () => Promise<WorkerAnswer>, first: WorkerAnswer) {
    this.#address = address;
    this.#ask = ask;
    this.#worker = first;
    this.#begin(first);
  }

  scrollMax({ rows }: ScreenSize): number {
    const details = detailLines(this.#worker);
    return firstShown(Infinity, details.length, detailRows(rows));
  }

  async ask(): Promise<boolean> {
    const worker = await this.#ask();
    if (endedOf(worker) < endedOf(this.#worker)) this.#begin(worker); // it has been started again
    this.#worker = worker;
    const elapsedMs = this.#elapsedMs;
    this.#rate.onCount(this.#ended, elapsedMs);
    const { slots, slotsBusy } = worker;
    this.#series.onSample({ done: this.#ended, failed: 0, slots, slotsBusy }, elapsedMs);
    return true;
  }

  lines(view: TopView, size: ScreenSize): string[] {
    const jobsPerSecond = this.#rate.perSecond(this.#ended, this.#elapsedMs);
    const pace = { jobsPerSecond, throughput: this.#series.all };
    return topWorkerLines(this.#worker, this.#address, pace, view, size);
  }

  /** Its counts begin here. */
  #begin(worker: WorkerAnswer): void {
    this.#before = endedOf(worker);
    this.#startedAt = worker.at;
    this.#rate = new RecentRate(0);
    this.#series = new ThroughputSeries(worker.at);
  }

  get #elapsedMs(): number {
    return Math.max(0, this.#worker.at - this.#startedAt);
  }

  get #ended(): number {
    return endedOf(this.#worker) - this.#before;
  }
}

/** The lines of the screen: at most `rows`, each at most `columns` wide. */
export function topWorkerLines(
  worker: WorkerAnswer,
  address: string,
  pace: Pace,
  view: TopView,
  size: ScreenSize,
): string[] {
  const { columns, rows } = size;
  const top = head(worker, address, pace, columns);
  const details = detailLines(worker);
  const room = detailRows(rows);
  const first = firstShown(view.scroll, details.length, room);
  const shown = details.slice(first, first + room).map((line) =>
    typeof line === "string" ? titleLine(line, columns) : line
  );
  return framed([...top, ...shown], footLine(view, details.length > room), size).map(styledLine);
}

function head(
  worker: WorkerAnswer,
  address: string,
  { jobsPerSecond, throughput }: Pace,
  columns: number,
): Line[] {
  const { name, slots, slotsBusy, jobsWaiting, jobs, slotsBytes, isDraining } = worker;
  const state = isDraining ? "draining" : slotsBusy > 0 ? "busy" : "idle";
  const title = `worker ${printable(name)} at ${printable(address)}`;
  const busy = `  ${formatCount(slotsBusy)}/${formatNoun(slots, "slot")} busy`;
  const waiting = jobsWaiting > 0 ? `  ${formatNoun(jobsWaiting, "job")} waiting` : "";
  const bar = Math.min(BAR_COLUMNS_MAX, columns - widthOf(busy + waiting));
  const used = slotsBytes === null ? "" : `${formatBytes(slotsBytes)} in slots  `;
  const failed = `${formatCount(jobs.failed)} failed`;
  const software = `${printable(worker.software)}, ${printable(worker.platform)}`;
  return [
    [
      [fitted(title, Math.max(0, columns - widthOf(state) - 1)), "bold"],
      isDraining ? [` ${state}`, "yellow"] : [` ${state}`],
    ],
    [[bar < 6 ? "" : usageBar(slots === 0 ? 0 : slotsBusy / slots, bar), "green"], [
      `${busy}${waiting}`,
    ]],
    wholePieces([
      [`${formatCount(jobs.done)} done`],
      jobs.failed > 0 ? [`  ${failed}`, "red"] : [`  ${failed}`],
      [`  ${formatRate(jobsPerSecond)} jobs/s`],
    ], columns),
    wholePieces([
      [`${used}${formatBytes(worker.memoryFreeBytes)} of ${formatBytes(worker.memoryBytes)} free`],
      [`  ${software}`, "dim"],
    ], columns),
    [["jobs/s ", "dim"], [sparkline(throughput, columns - "jobs/s ".length), "green"]],
  ];
}

/** The rows for details, between the head and the foot. */
function detailRows(rows: number): number {
  return Math.max(0, rows - 1 - HEAD_ROWS);
}

/** Titles are texts. */
function detailLines({ controllers, cores }: WorkerAnswer): (string | Line)[] {
  return [
    `CORES ${formatCount(cores.length)}`,
    ...cores.map(({ name, sha256, slots }): Line => [
      [`${printable(name)}  `],
      [`${formatNoun(slots, "slot")}  `],
      [shortKey(sha256), "dim"],
    ]),
    `CONTROLLERS ${formatCount(controllers.length)}`,
    ...controllers.map((controller): Line => [[printable(controller)]]),
  ];
}

function endedOf({ jobs }: WorkerAnswer): number {
  return jobs.done + jobs.failed;
}
