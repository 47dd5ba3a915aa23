/** Whether jobs leave threads behind. Pure. */

import { growsToTheEnd } from "./steady_growth.ts";
import type { ThreadCount } from "./trial_plan.ts";

/** More new threads than this are a leak, whenever they were started. Then no other job runs: the machine has so many. */
export const THREADS_MORE_MAX = 64;

/** A leak leaves a thread in each of these parts of the runs. Go's runtime, for one, starts a few in some of them. */
const PARTS = 5;

/** Fewer runs do not tell a leak from a runtime that starts some threads and then no more. */
const RUNS_MIN = 2 * PARTS;

/** The threads that were started behind the first run and have stayed. */
export interface ThreadGrowth {
  readonly threads: number;
  /** `unknown`: there were too few runs to tell. */
  readonly isLeak: boolean | "unknown";
}

/** What has become of the threads, by their counts in the order of the runs. */
export function threadGrowth(counts: readonly ThreadCount[]): ThreadGrowth {
  const [first, last] = [counts[0], counts.at(-1)];
  const threads = first && last ? Math.max(0, last.threads - first.threads) : 0;
  if (!last || threads === 0) return { threads: 0, isLeak: false };
  if (threads > THREADS_MORE_MAX) return { threads, isLeak: true };
  if (last.run < RUNS_MIN) return { threads, isLeak: "unknown" };
  const fewest = fewestInParts(counts, last.run);
  const isSteady = fewest.every((threads, index) =>
    index === 0 || threads > (fewest[index - 1] as number)
  );
  return { threads, isLeak: isSteady && growsToTheEnd(fewest) };
}

/** Threads that are about to end come and go: the fewest of each part have stayed. Parts without a count are left out. */
function fewestInParts(counts: readonly ThreadCount[], runs: number): number[] {
  const parts = Map.groupBy(counts, ({ run }) => Math.floor((run - 1) * PARTS / runs));
  return Array.from(parts.values(), (part) => Math.min(...part.map(({ threads }) => threads)));
}
