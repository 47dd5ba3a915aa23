/** The limit of failures above which a run stops. */

/** With fewer finished jobs, a percentage means nothing. */
const FINISHED_JOBS_MIN = 100;

/** A number of failed jobs, or a percentage of the finished jobs. */
export interface FailureLimit {
  readonly unit: "jobs" | "percent";
  readonly max: number;
}

/** Whether `failed` out of `finished` jobs exceeds the limit. `isEnd`: no more jobs will finish. */
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

  /** `wasStopped`: the run ended before all jobs had run. */
  constructor(limit: FailureLimit, failed: number, finished: number, readonly wasStopped: boolean) {
    const max = limit.unit === "jobs" ? `${limit.max}` : `${limit.max}%`;
    const failures = `${failed} of ${finished} jobs failed, more than --max-failures ${max} allows`;
    super(wasStopped ? `Stopped after ${failures}` : failures);
  }
}
