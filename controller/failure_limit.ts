/** How many failures stop a run: so many that there is no point in going on. */

/** With fewer finished jobs a percentage says nothing. */
const FINISHED_JOBS_MIN = 100;

/** A number of failed jobs, or a percentage of the finished ones. */
export interface FailureLimit {
  readonly unit: "jobs" | "percent";
  readonly max: number;
}

/** Whether `failed` of `finished` jobs are too many. `isEnd`: no more jobs will finish. */
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
    const failures = `${failed} of ${finished} jobs failed, more than --max-failures ${max} allows`;
    super(wasStopped ? `Stopped after ${failures}` : failures);
  }
}
