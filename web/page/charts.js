/** The charts of throughput and slots, drawn by uPlot. */

import { formatCount, formatRate, formatTime } from "./format.js";
import { byId, setText } from "./tables.js";

/** Of the last interval at least this part must have passed before its rate says anything. */
const LAST_PART_MIN = 0.3;

const HEIGHT_PX = 190;

/** The steps between two values: 1, 2, 5, 10, … There is no half slot. */
const STEPS = Array.from(
  { length: 24 },
  (_, index) => [1, 2, 5][index % 3] * 10 ** Math.floor(index / 3),
);

/** The steps between two times below the axis. */
const TIME_STEPS_S = [
  1,
  2,
  5,
  10,
  20,
  30,
  ...[1, 2, 5, 10, 20, 30, 60, 120, 360, 720, 1440].map((m) => 60 * m),
];

/** @typedef {import("../../watch/snapshot.ts").Throughput} Throughput */
/** @typedef {{ label: string, color: string, fill?: string, step?: boolean, dash?: number[] }} Line */

/**
 * The points of both charts. Times are seconds since 1970, as uPlot takes them. The last interval has not ended, so its
 * numbers are those of a part of it.
 * @param {Throughput} throughput
 * @param {number} elapsedMs since its beginning
 */
export function pointsOf({ startedAt, everyMs, done, failed, slots, slotsBusy }, elapsedMs) {
  const lastMs = Math.min(everyMs, elapsedMs - (done.length - 1) * everyMs);
  const isTold = done.length === 1 || lastMs >= LAST_PART_MIN * everyMs;
  const length = isTold ? done.length : done.length - 1;
  const times = Array.from({ length }, (_, index) => (startedAt + (index + 0.5) * everyMs) / 1000);
  const perSecond = (/** @type {number} */ jobs, /** @type {number} */ index) =>
    1000 * jobs / Math.max(1, index === done.length - 1 ? lastMs : everyMs);
  return {
    times,
    done: done.slice(0, length).map(perSecond),
    failed: failed.slice(0, length).map(perSecond),
    slots: slots.slice(0, length),
    slotsBusy: slotsBusy.slice(0, length),
  };
}

/**
 * The jobs that have ended, done or failed, per second: at most in one interval, and on average. An interval that has not
 * ended says nothing of its rate when jobs are seldom.
 * @param {Throughput} throughput
 * @param {number} elapsedMs since its beginning
 */
export function ratesOf({ everyMs, done, failed }, elapsedMs) {
  const ended = done.map((jobs, index) => jobs + (failed[index] ?? 0));
  const mean = 1000 * ended.reduce((sum, jobs) => sum + jobs, 0) / Math.max(1, elapsedMs);
  return { most: Math.max(mean, ...ended.slice(0, -1).map((jobs) => 1000 * jobs / everyMs)), mean };
}

/** A chart that follows the width of its place and the colors of the page. */
class Chart {
  /** @type {any} */
  #plot;
  /** @type {number[][]} */
  #data = [];

  /**
   * @param {string} id
   * @param {Line[]} lines
   */
  constructor(id, lines) {
    this.place = byId(id);
    this.lines = lines;
    new ResizeObserver(() => this.#plot?.setSize(this.#size())).observe(this.place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.#plot?.destroy();
      this.#plot = undefined;
      this.show(this.#data);
    });
  }

  /**
   * Shows these points.
   * @param {number[][]} data
   */
  show(data) {
    this.#data = data;
    if (this.#plot) this.#plot.setData(data);
    // @ts-ignore: uplot.js defines it
    else this.#plot = new uPlot(this.#options(), data, this.place);
  }

  #size() {
    return { width: Math.max(200, this.place.clientWidth), height: HEIGHT_PX };
  }

  #options() {
    const style = getComputedStyle(document.documentElement);
    const color = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
    const axis = {
      stroke: color("--quiet"),
      grid: { stroke: color("--line"), width: 1 },
      ticks: { show: false },
      font: "12px system-ui, sans-serif",
    };
    return {
      ...this.#size(),
      legend: { live: true },
      cursor: { y: false, drag: { x: false, y: false } },
      scales: {
        y: {
          range: (
            /** @type {any} */ _plot,
            /** @type {number} */ _min,
            /** @type {number} */ max,
          ) => [0, Math.max(1, max * 1.1)],
        },
      },
      axes: [
        { ...axis, size: 32, space: 64, incrs: TIME_STEPS_S, values: timesOf },
        {
          ...axis,
          size: 56,
          space: 36,
          incrs: STEPS,
          values: (/** @type {any} */ _plot, /** @type {number[]} */ ticks) =>
            ticks.map(formatRate),
        },
      ],
      series: [
        { label: "Time", value: "{HH}:{mm}:{ss}" },
        ...this.lines.map(({ label, color: name, fill, dash }) => ({
          label,
          stroke: color(name),
          width: 2,
          points: { show: false },
          ...fill && { fill: color(fill) },
          ...dash && { dash },
          value: (/** @type {any} */ _plot, /** @type {number | null} */ value) =>
            value === null ? "–" : formatRate(value),
        })),
      ],
    };
  }
}

/**
 * The times below the axis, as precise as they are close together.
 * @param {unknown} _plot
 * @param {readonly number[]} ticks
 */
function timesOf(_plot, ticks) {
  const hasSeconds = ticks.some((tick) => tick % 60 !== 0);
  return ticks.map((tick) => formatTime(1000 * tick).slice(0, hasSeconds ? 8 : 5));
}

/** Both charts. */
export class Charts {
  #rate = new Chart("rate", [
    { label: "Done per second", color: "--done", fill: "--done-fill" },
    { label: "Failed per second", color: "--failed", dash: [6, 3] },
  ]);
  #busy = new Chart("busy", [
    { label: "Slots", color: "--quiet", dash: [4, 4] },
    { label: "Busy", color: "--busy", fill: "--busy-fill" },
  ]);

  /**
   * Shows a series.
   * @param {Throughput} throughput
   * @param {number} elapsedMs since its beginning
   * @param {boolean} isWhole nothing will follow
   */
  show(throughput, elapsedMs, isWhole) {
    const points = pointsOf(throughput, elapsedMs);
    this.#rate.show([points.times, points.done, points.failed]);
    this.#busy.show([points.times, points.slots, points.slotsBusy]);
    const { most, mean } = ratesOf(throughput, elapsedMs);
    setText(
      byId("rate-text"),
      `${isWhole ? "In all" : "So far"} at most ${formatRate(most)} jobs/s, on average ${
        formatRate(mean)
      } jobs/s, done or failed.`,
    );
    const [slots, busy] = [points.slots, points.slotsBusy].map((all) =>
      all.reduce((a, b) => a + b, 0)
    );
    const part = slots ? Math.round(100 * (busy ?? 0) / slots) : 0;
    setText(byId("busy-text"), `On average ${formatCount(part)}% of the slots have had a job.`);
  }
}
