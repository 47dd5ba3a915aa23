/** What `distcomp bench` has measured of a worker, and what follows from it. Pure. */

/** What was measured of one worker. Times are in milliseconds. */
export interface WorkerFigures {
  readonly worker: string;
  readonly slots: number;
  /** From a ping to its answer; `undefined` for a worker of version 1, which has none. */
  readonly roundTripMs: number | undefined;
  /** From sending a job to its answer, while the worker has no other one. */
  readonly jobMs: number;
  /** While it has as many as it can run. */
  readonly jobsPerSecond: number;
  /** What a job took in the core meanwhile, as its slots have measured it; `undefined` for a worker of version 1. */
  readonly coreMs: number | undefined;
  readonly inputBytes: number;
  readonly outputBytes: number;
  /** The exit code of the last job. */
  readonly exitCode: number;
}

/** What a job costs. */
export interface JobCost {
  /** How long a job has a slot, with all that distcomp does for it. */
  readonly slotMs: number;
  /** How much of that it spends in the core; `undefined` if that is not known. */
  readonly coreMs: number | undefined;
  /** The rest. */
  readonly addedMs: number | undefined;
}

/**
 * What a job costs on a worker. `hereMs`: what it takes in the core on this machine, for workers that do not measure
 * it.
 */
export function costOf(
  { slots, jobsPerSecond, coreMs: measuredMs }: WorkerFigures,
  hereMs?: number,
): JobCost {
  const slotMs = 1000 * slots / jobsPerSecond;
  const coreMs = measuredMs ?? hereMs;
  if (coreMs === undefined) return { slotMs, coreMs, addedMs: undefined };
  const inCoreMs = Math.min(coreMs, slotMs); // a faster machine than this one
  return { slotMs, coreMs: inCoreMs, addedMs: slotMs - inCoreMs };
}

/** A smaller part of a job's time is not worth a change. */
const ADDED_PART_MAX = 0.05;

/** Jobs that move more are slow because of that, not because they are many. */
const LARGE_BYTES = 64 * 1024;

/** No more jobs than this are put in one input, whatever they cost: a lost worker would cost too much. */
const TOGETHER_MAX = 100_000;

/** What to do about the costs. */
export type Advice =
  /** distcomp adds next to nothing. */
  | { readonly kind: "fine" }
  /** Too little work for its bytes. */
  | { readonly kind: "less data" }
  /** Jobs are too short: put this many in one input. */
  | { readonly kind: "together"; readonly jobs: number };

/** What to do about the costs of a job on this worker. */
export function adviceOn({ inputBytes, outputBytes }: WorkerFigures, cost: JobCost): Advice {
  // Where the core's part is not known, the job as a whole says whether it is short.
  const coreMs = cost.coreMs ?? cost.slotMs;
  const addedMs = cost.addedMs ?? SHORT_JOB_MS * ADDED_PART_MAX;
  const jobs = addedMs / (ADDED_PART_MAX * coreMs);
  if (jobs <= 1) return { kind: "fine" };
  if (inputBytes + outputBytes >= LARGE_BYTES) return { kind: "less data" };
  return { kind: "together", jobs: Math.min(TOGETHER_MAX, roundedUp(jobs)) };
}

/** Jobs that take longer are long enough wherever they run. */
const SHORT_JOB_MS = 2;

/** To 2, 5, 10, 20, 50, … */
function roundedUp(count: number): number {
  const power = 10 ** Math.floor(Math.log10(count));
  return Math.max(2, power * ([1, 2, 5, 10].find((step) => step * power >= count) as number));
}
