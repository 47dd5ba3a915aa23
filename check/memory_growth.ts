/** Whether memory grows from run to run. Pure. */

import { growsToTheEnd } from "./steady_growth.ts";
import type { Usage } from "./trial_plan.ts";

/**
 * `malloc` takes memory from the system in pieces of 132 KB, and on a busy machine the runtime itself was seen to take
 * seven of them during the runs. A leak of 48 bytes per run takes more than this in 40,000 runs.
 */
const HEAP_GROWTH_BYTES_MIN = 1536 * 1024;

/** The runtime's own memory grows by some megabytes while it warms up, by less than this in each run. */
const RESIDENT_GROWTH_BYTES_MIN = 8 * 1024 * 1024;
const RESIDENT_GROWTH_PER_RUN_MIN = 1024;

/** How many samples are compared, evenly spaced. The time before the first is for warming up. */
const SAMPLES = 8;

/** Growth in one or two of the intervals may be a cache that fills. */
const GROWING_INTERVALS_MIN = 3;

/**
 * A leak makes the heap grow in nearly all intervals, and the runtime in some. What is resident also shrinks at times.
 */
const GROWING_HEAP_PART_MIN = 2 / 3;

/** Bytes by which memory has grown per run; 0 if it has not, or too little to say. */
export function growthPerRun(all: readonly Usage[]): number {
  const usage = samplesOf(all);
  const [first, ...rest] = usage;
  const last = rest.at(-1);
  if (!first || !last) return 0;
  const runs = last.run - first.run;
  const heap = last.heapBytes - first.heapBytes;
  const resident = last.residentBytes - first.residentBytes;
  const heapIntervalsMin = Math.max(GROWING_INTERVALS_MIN, GROWING_HEAP_PART_MIN * rest.length);
  const heapSizes = usage.map(({ heapBytes }) => heapBytes);
  const residentSizes = usage.map(({ residentBytes }) => residentBytes);
  const isHeap = heap >= HEAP_GROWTH_BYTES_MIN && growsToTheEnd(heapSizes) &&
    growingIntervals(heapSizes) >= heapIntervalsMin;
  const isResident = resident >= RESIDENT_GROWTH_BYTES_MIN &&
    resident / runs >= RESIDENT_GROWTH_PER_RUN_MIN && growsToTheEnd(residentSizes) &&
    growingIntervals(residentSizes) >= GROWING_INTERVALS_MIN;
  return Math.round(Math.max(isHeap ? heap / runs : 0, isResident ? resident / runs : 0));
}

function samplesOf(all: readonly Usage[]): Usage[] {
  if (all.length <= SAMPLES) return [...all];
  return Array.from(
    { length: SAMPLES },
    (_, index) => all[Math.floor((index + 1) * all.length / SAMPLES) - 1] as Usage,
  );
}

function growingIntervals(sizes: readonly number[]): number {
  return sizes.filter((size, index) => index > 0 && size > (sizes[index - 1] as number)).length;
}
