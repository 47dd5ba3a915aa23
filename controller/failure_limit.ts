/** How many failures a run is allowed before it is stopped, as nothing good is to be expected. */

/** A percentage says nothing of a few jobs. */
const FINISHED_JOBS_MIN = 100;

/** A number of failed jobs, or a part of the jobs that have ended. */
export interface FailureLimit {
  readonly unit: "jobs" | "percent";
  readonly max: number;
}

/** Whether so many failures among so many jobs that have ended are too many. */
export function isExceeded(
  { unit, max }: FailureLimit,
  failed: number,
  finished: number,
  isEnd: boolean,
): boolean {
  if (unit === "jobs") return failed > max;
  return (isEnd || finished >= FINISHED_JOBS_MIN) && 100 * failed > max * finished;
}

/** Too many jobs have failed. */
export class TooManyFailuresError extends Error {
  override name = "TooManyFailuresError";

  /** `wasStopped`: there would have been more jobs. */
  constructor(limit: FailureLimit, failed: number, finished: number, readonly wasStopped: boolean) {
    const max = limit.unit === "jobs" ? `${limit.max}` : `${limit.max}%`;
    const what = wasStopped ? "Stopped when" : "In the end";
    super(
      `${what} ${failed} of ${finished} jobs had failed, more than --max-failures ${max} allows`,
    );
  }
}
