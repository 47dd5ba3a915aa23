/**
 * How many jobs have ended in each second since the beginning, in bounded memory: when there are too many intervals, two
 * of them become one. So a run of a minute is shown by the second, and one of a week by the quarter of an hour.
 */

import { type Throughput, THROUGHPUT_POINTS_MAX } from "./snapshot.ts";

/** The length of the first intervals, and how often samples are taken. */
export const SAMPLE_MS = 1_000;

/** What is counted at one moment. */
export interface Sample {
  /** Jobs since the beginning. */
  readonly done: number;
  readonly failed: number;
  /** Now. */
  readonly slots: number;
  readonly slotsBusy: number;
}

/** The sums of one interval. */
interface Interval {
  done: number;
  failed: number;
  slots: number;
  slotsBusy: number;
  samples: number;
}

/** The intervals of one run or worker. */
export class ThroughputSeries {
  readonly #startedAt: number;
  #intervals: Interval[] = [];
  #everyMs = SAMPLE_MS;
  #sampledMs = 0;
  #done = 0;
  #failed = 0;

  /** `startedAt` is in milliseconds since 1970. */
  constructor(startedAt: number) {
    this.#startedAt = startedAt;
  }

  /**
   * The counts `elapsedMs` after the beginning. When jobs have ended since the last sample is not known: they are spread
   * evenly over the intervals in between. In one interval they would look like a rate that there never was.
   */
  onSample(sample: Sample, elapsedMs: number): void {
    const last = this.#indexAt(elapsedMs);
    const [fromMs, done, failed] = [this.#sampledMs, this.#done, this.#failed];
    for (let index = Math.floor(fromMs / this.#everyMs); index < last; index++) {
      const part = ((index + 1) * this.#everyMs - fromMs) / (elapsedMs - fromMs);
      const until = {
        done: between(done, sample.done, part),
        failed: between(failed, sample.failed, part),
      };
      this.#count(index, { ...sample, ...until });
    }
    this.#count(last, sample);
    this.#sampledMs = elapsedMs;
  }

  get all(): Throughput {
    const intervals = this.#intervals;
    return {
      startedAt: this.#startedAt,
      everyMs: this.#everyMs,
      done: intervals.map(({ done }) => done),
      failed: intervals.map(({ failed }) => failed),
      slots: intervals.map(({ slots, samples }) => average(slots, samples)),
      slotsBusy: intervals.map(({ slotsBusy, samples }) => average(slotsBusy, samples)),
    };
  }

  /** The counts at the end of an interval, or in it. */
  #count(index: number, { done, failed, slots, slotsBusy }: Sample): void {
    const interval = this.#intervals[index] as Interval;
    interval.done += done - this.#done;
    interval.failed += failed - this.#failed;
    interval.slots += slots;
    interval.slotsBusy += slotsBusy;
    interval.samples += 1;
    this.#done = done;
    this.#failed = failed;
  }

  /** The index of the interval at this time, which is there then. */
  #indexAt(elapsedMs: number): number {
    while (elapsedMs >= THROUGHPUT_POINTS_MAX * this.#everyMs) this.#merge();
    const index = Math.floor(elapsedMs / this.#everyMs);
    while (this.#intervals.length <= index) this.#intervals.push(emptyInterval());
    return index;
  }

  #merge(): void {
    const merged: Interval[] = [];
    for (const [index, interval] of this.#intervals.entries()) {
      const first = merged[index >> 1];
      if (!first) merged.push(interval);
      else for (const name of SUMS) first[name] += interval[name];
    }
    this.#intervals = merged;
    this.#everyMs *= 2;
  }
}

const SUMS = ["done", "failed", "slots", "slotsBusy", "samples"] as const;

function emptyInterval(): Interval {
  return { done: 0, failed: 0, slots: 0, slotsBusy: 0, samples: 0 };
}

/** The count at a part of the way from one count to another. */
function between(one: number, other: number, part: number): number {
  return Math.round(one + part * (other - one));
}

/** With one digit behind the point: it is text in the end. */
function average(sum: number, samples: number): number {
  return samples === 0 ? 0 : Math.round(10 * sum / samples) / 10;
}
