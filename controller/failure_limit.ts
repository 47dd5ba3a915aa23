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

/** Too many jobs have failed: the run was stopped. */
export class TooManyFailuresError extends Error {
  override name = "TooManyFailuresError";

  constructor(limit: FailureLimit, failed: number, finished: number) {
    const max = limit.unit === "jobs" ? `${limit.max}` : `${limit.max}%`;
    super(
      `Stopped because ${failed} of ${finished} jobs failed, more than --max-failures ${max} allows`,
    );
  }
}
