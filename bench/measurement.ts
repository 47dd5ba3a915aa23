/**
 * Measures contestants in turn. What else a machine does changes from second to second, so each round measures all of
 * them once, one after the other, and the median of the rounds counts.
 */

import type { Contestant, Entry, Measure } from "./contestants/contestant.ts";

/** The first measurement of each, which shows how many jobs take long enough. It also warms it up. */
const FIRST_JOBS = 50;

/** From one such measurement to the next: a start costs less of a longer one, so its rate is higher. */
const GROWTH_MAX = 40;

/** A measurement counts if it has taken this part of the time that it should take. */
const ENOUGH_PART = 0.4;

/** A contestant that is open. */
export interface Open {
  readonly entry: Entry;
  readonly contestant: Contestant;
}

/** The rates of one contestant with inputs of one size, one for each round. */
export interface Series {
  readonly name: string;
  readonly bytes: number;
  readonly jobsPerSecond: number[];
  /** How long a whole program takes for one job. Its rates are without that. */
  readonly startSeconds: number[];
}

/** What `measureAll` tells while it measures. */
export interface MeasurementEvents {
  onMeasured(name: string, bytes: number, jobsPerSecond: number): void;
  /** It is not measured with inputs of this size. */
  onFailed(name: string, bytes: number, error: unknown): void;
}

/** How often and how long each is measured. */
export interface Effort {
  readonly rounds: number;
  readonly seconds: number;
}

/** Measures all contestants with inputs of one size. */
export async function measureAll(
  all: readonly Open[],
  bytes: number,
  { rounds, seconds }: Effort,
  events: MeasurementEvents,
): Promise<Series[]> {
  const taking = all.filter(({ entry: { bytesMin = 0, bytesMax = Infinity } }) =>
    bytesMin <= bytes && bytes <= bytesMax
  );
  const jobs = new Map<Open, number>();
  const series = new Map(taking.map((one): [Open, Series] => {
    return [one, { name: one.entry.name, bytes, jobsPerSecond: [], startSeconds: [] }];
  }));
  const tried = async (one: Open, action: () => Promise<void>) => {
    try {
      await action();
    } catch (error) {
      series.delete(one);
      events.onFailed(one.entry.name, bytes, error);
    }
  };
  for (const one of taking) {
    await tried(one, async () => {
      jobs.set(one, await jobsFor(one.contestant.measure, bytes, seconds));
    });
  }
  for (let round = 0; round < rounds; round++) {
    for (const [one, { name, jobsPerSecond, startSeconds }] of series) {
      await tried(one, async () => {
        const { measure } = one.contestant;
        const start = measure.kind === "whole runs" ? await measure.run(1, bytes) : 0;
        const rate = await rateOf(measure, bytes, seconds, jobs.get(one) as number, start);
        jobsPerSecond.push(rate);
        if (start > 0) startSeconds.push(start);
        events.onMeasured(name, bytes, rate);
      });
    }
  }
  return [...series.values()];
}

async function rateOf(
  measure: Measure,
  bytes: number,
  seconds: number,
  jobs: number,
  startSeconds: number,
): Promise<number> {
  if (measure.kind === "time") return await measure.rate(bytes, seconds);
  if (measure.kind === "jobs") return jobs / await measure.run(jobs, bytes);
  const taken = await measure.run(jobs, bytes) - startSeconds;
  if (taken > 0) return (jobs - 1) / taken;
  throw new Error(`${jobs} jobs took no longer than one: a run is too short to be measured`);
}

/** How many jobs take about so many seconds. Also warms the contestant up. */
async function jobsFor(measure: Measure, bytes: number, seconds: number): Promise<number> {
  if (measure.kind === "time") return 0;
  if (measure.kind === "whole runs") {
    const jobs = measure.jobs(bytes);
    await measure.run(jobs, bytes); // the first run finds no file in the system's memory
    return jobs;
  }
  for (let jobs = FIRST_JOBS;;) {
    const taken = await measure.run(jobs, bytes);
    const wanted = Math.ceil(jobs * seconds / Math.max(taken, 1e-6));
    if (taken >= ENOUGH_PART * seconds) return Math.max(1, wanted);
    jobs = Math.min(wanted, GROWTH_MAX * jobs);
  }
}

/** The middle of all numbers. */
export function medianOf(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((one, other) => one - other);
  const middle = sorted.length / 2;
  const [below, above] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return ((below ?? NaN) + (above ?? NaN)) / 2;
}
