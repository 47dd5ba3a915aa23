/** How many workers of a batch system a run needs. Pure. */

/** A run that would be over so soon gets no more workers: they would come too late. */
const SOON_MS = 60_000;

/** What a run says about its work. */
export interface RunNeed {
  /** The jobs that run or wait, as far as it knows them. */
  readonly jobsLeft: number;
  /** Whether there may be more: it has not counted its inputs. */
  readonly isAtLeast: boolean;
  /** The slots of all its workers. */
  readonly slots: number;
  /** How long it would take as it is; `null` if nobody knows. */
  readonly leftMs: number | null;
}

/** The workers in the batch system. */
export interface OwnWorkers {
  /** Those that wait or run. */
  readonly alive: number;
  readonly running: number;
  /** `undefined` until one is submitted and listed. */
  readonly slotsEach: number | undefined;
}

/**
 * How many workers should wait or run: a slot for each job that is left, without the slots that others provide. As long
 * as nobody knows how many slots each has, one is enough to find out.
 */
export function workersNeeded(
  { jobsLeft, isAtLeast, slots, leftMs }: RunNeed,
  { alive, running, slotsEach }: OwnWorkers,
  countMax: number,
): number {
  const slotsOfOthers = Math.max(0, slots - running * (slotsEach ?? 1));
  const slotsNeeded = Math.max(0, jobsLeft - slotsOfOthers);
  const needed = Math.min(countMax, Math.ceil(slotsNeeded / (slotsEach ?? 1)));
  if (slotsEach === undefined) return Math.min(1, needed);
  if (leftMs !== null && leftMs < SOON_MS) return Math.min(alive, needed);
  return isAtLeast ? Math.max(needed, Math.min(alive, countMax)) : needed;
}
