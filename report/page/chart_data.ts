/**
 * The numbers that `charts.js` draws. They are rounded: nobody sees a thousandth of a pixel, and a page is to be small.
 */

import { Buffer } from "node:buffer";
import { shown } from "../../page/html.ts";
import { formatBytes, formatMeasured } from "../../system/format.ts";
import { LogHistogram } from "../../system/log_histogram.ts";
import type { Report } from "../report.ts";
import type { TimelineRow } from "./timeline_rows.ts";

/** A job's name in the timeline. */
const NAME_CHARS_MAX = 80;

/** A timeline with more rows has marks for nodes, not for slots. */
const MARKS_MAX = 24;
const MARK_CHARS_MAX = 16;

/** Steps of the chart of jobs per second: with fewer jobs in each, it would only show chance. */
const RATE_STEPS_MAX = 160;
const JOBS_PER_STEP_MIN = 30;

/** A run whose jobs all took no time. */
const LENGTH_MS_MIN = 0.001;

/** Bars of a histogram: `edges` are texts, and there is one more of them. */
export interface BarData {
  readonly edges: readonly string[];
  readonly done: readonly number[];
  readonly failed?: readonly number[];
}

/** Steps over time. `x` in seconds; the last one is the end. */
export interface StepData {
  readonly x: readonly number[];
  readonly busy: readonly number[];
  readonly slots: readonly number[];
  readonly cpu: readonly number[] | undefined;
  readonly waiting: readonly number[];
}

/** Jobs per second over time. */
export interface RateData {
  readonly x: readonly number[];
  readonly done: readonly number[];
  readonly failed: readonly number[];
}

/** How many bins of the report a run has used. */
function binCount({ lengthMs, series }: Pick<Report, "lengthMs" | "series">): number {
  return Math.min(series.done.length, Math.max(1, Math.ceil(lengthMs / series.widthMs)));
}

/** What happened over time. */
export function stepData(report: Report): StepData {
  const { series, knowledge } = report;
  const steps = new Steps(report, 1);
  return {
    x: steps.x,
    busy: steps.rate(series.busyMs),
    slots: steps.rate(series.capacityMs),
    cpu: knowledge.withCpu > 0 ? steps.rate(series.cpuMs) : undefined,
    waiting: steps.rate(series.waitingMs),
  };
}

/** How many jobs ended over time, in steps in which enough of them did. */
export function rateData(report: Report): RateData {
  const { series, knowledge } = report;
  const count = Math.min(RATE_STEPS_MAX, knowledge.ended / JOBS_PER_STEP_MIN);
  const steps = new Steps(report, Math.ceil(binCount(report) / Math.max(1, count)));
  return {
    x: steps.x,
    done: steps.rate(series.done, 1000),
    failed: steps.rate(series.failed, 1000),
  };
}

/** Steps of some bins each. The last one may be up to half a step shorter or longer, which is better than a splinter. */
class Steps {
  /** Where steps begin, in seconds, and the end of the last one. */
  readonly x: readonly number[];
  readonly #bins: number;
  readonly #each: number;
  readonly #lengths: readonly number[];

  constructor(report: Report, each: number) {
    const { lengthMs, series } = report;
    this.#bins = binCount(report);
    this.#each = each;
    const stepMs = each * series.widthMs;
    const steps = Math.max(1, Math.round(this.#bins / each));
    this.#lengths = Array.from(
      { length: steps },
      (_, step) => step < steps - 1 ? stepMs : Math.max(LENGTH_MS_MIN, lengthMs - step * stepMs),
    );
    this.x = [...this.#lengths.map((_, step) => step * stepMs), lengthMs]
      .map((ms) => exact(ms / 1000));
  }

  /** What was there in each step on average; `perMs` 1000: in a second. */
  rate(values: Float64Array, perMs = 1): number[] {
    const rates = this.#lengths.map((length, step) => {
      const from = step * this.#each;
      const isLast = step === this.#lengths.length - 1;
      const some = values.subarray(from, isLast ? this.#bins : from + this.#each);
      return exact(perMs * some.reduce((sum, value) => sum + value, 0) / length);
    });
    return [...rates, rates.at(-1) ?? 0]; // the last step needs an end
  }
}

/** How long jobs ran. */
export function runTimeData({ runTimes, failedTimes }: Report): BarData {
  const [done, failed] = [runTimes.bars(), failedTimes.bars()];
  const from = Math.min(done[0]?.from ?? Infinity, failed[0]?.from ?? Infinity);
  const to = Math.max(done.at(-1)?.to ?? 0, failed.at(-1)?.to ?? 0);
  const edges = LogHistogram.edges(from, to);
  const countOf = (bars: typeof done) => {
    const counts = new Map(bars.map((bar) => [bar.from, bar.count]));
    return edges.slice(0, -1).map((edge) => counts.get(edge) ?? 0);
  };
  return {
    edges: edges.map(formatMeasured),
    done: countOf(done),
    ...(failed.length > 0 ? { failed: countOf(failed) } : {}),
  };
}

/** How much memory they used. */
export function memoryData({ memory }: Report): BarData {
  const bars = memory.bars();
  const edges = bars.map(({ from }) => from).concat(bars.at(-1)?.to ?? []);
  return {
    edges: edges.map((bytes) => formatBytes(Number(bytes.toPrecision(2)))),
    done: bars.map(({ count }) => count),
  };
}

/** What each slot did. */
export function timelineData(report: Report, rows: readonly TimelineRow[]) {
  const { spans, series } = report;
  const bins = binCount(report);
  const isPlain = spans && rows.every(({ numbers }) => numbers.length === 1);
  const rowOf = new Map(rows.flatMap(({ numbers }, row) => numbers.map((number) => [number, row])));
  return {
    rows: rows.length,
    bins,
    widthSeconds: series.widthMs / 1000,
    labels: rows.map(({ label }) => shown(label)),
    marks: marksOf(rows),
    ...(isPlain
      ? {
        spans: spans.map(({ row, fromMs, toMs, isDone }) => [
          rowOf.get(row) as number,
          exact(fromMs / 1000),
          exact((toMs - fromMs) / 1000),
          isDone ? 0 : 1,
        ]),
        names: spans.map(({ name }) => shown(cut(name, NAME_CHARS_MAX))),
      }
      : {
        busy: cellsOf(rows, bins, (row, bin) => (row.busyMs[bin] as number) / series.widthMs),
        ...(rows.some(({ failedMs }) => failedMs) && {
          failed: cellsOf(rows, bins, (row, bin) => (row.failedMs?.[bin] ?? 0) / series.widthMs),
        }),
      }),
  };
}

function cellsOf(
  rows: readonly TimelineRow[],
  bins: number,
  partOf: (row: TimelineRow, bin: number) => number,
): string {
  const bytes = Buffer.alloc(rows.length * bins);
  rows.forEach((row, index) => {
    for (let bin = 0; bin < bins; bin++) {
      bytes[index * bins + bin] = Math.ceil(255 * Math.min(1, partOf(row, bin))); // 0 is none at all
    }
  });
  return bytes.toString("base64");
}

/** The labels at the side, of rows that are not too close to each other. */
function marksOf(rows: readonly TimelineRow[]) {
  const areSlots = rows.length <= MARKS_MAX;
  const all = rows.map((row, index) => ({ row, index }));
  const candidates = areSlots
    ? all
    : all.filter(({ row, index }) => row.node !== rows[index - 1]?.node);
  const every = Math.ceil(candidates.length / MARKS_MAX);
  return candidates.filter((_, index) => index % every === 0)
    .map(({ row, index }) => [index, shown(cut(areSlots ? row.label : row.node, MARK_CHARS_MAX))]);
}

/** Six digits. */
function exact(value: number): number {
  return Number(value.toPrecision(6));
}

function cut(text: string, charsMax: number): string {
  return text.length <= charsMax ? text : `${text.slice(0, charsMax - 1)}…`;
}
