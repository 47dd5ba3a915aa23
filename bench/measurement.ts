/**
 * Measures contestants in turn. What else a machine does changes from second to second, so each round measures all of
 * them once, one after the other, and the median of the rounds counts.
 */

import type { Contestant, Entry } from "./contestants/contestant.ts";

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
  const taking = all.filter(({ entry: { bytesMax = Infinity } }) => bytes <= bytesMax);
  const jobs = new Map<string, number>();
  const series = taking.map(({ entry: { name } }): Series => ({ name, bytes, jobsPerSecond: [] }));
  const tried = async (name: string, measure: () => Promise<void>) => {
    try {
      await measure();
    } catch (error) {
      jobs.delete(name);
      events.onFailed(name, bytes, error);
    }
  };
  for (const { entry: { name }, contestant } of taking) {
    await tried(name, async () => {
      jobs.set(name, await jobsFor(contestant, bytes, seconds));
    });
  }
  for (let round = 0; round < rounds; round++) {
    for (const [index, { entry: { name }, contestant }] of taking.entries()) {
      const count = jobs.get(name);
      if (count === undefined) continue;
      await tried(name, async () => {
        const rate = count / await contestant.run(count, bytes);
        series[index]?.jobsPerSecond.push(rate);
        events.onMeasured(name, bytes, rate);
      });
    }
  }
  return series.filter(({ name }) => jobs.has(name));
}

/** How many jobs take about so many seconds. */
async function jobsFor(
  { run, fixedJobs }: Contestant,
  bytes: number,
  seconds: number,
): Promise<number> {
  if (fixedJobs) {
    const jobs = fixedJobs(bytes);
    await run(jobs, bytes); // the first run finds no file in the system's memory
    return jobs;
  }
  for (let jobs = FIRST_JOBS;;) {
    const taken = await run(jobs, bytes);
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
