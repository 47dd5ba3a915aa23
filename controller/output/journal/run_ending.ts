/** How a run has ended, as the last line about it in the journal says. */

/**
 * Why a run has ended. `complete`: each job has a result, or has failed. `interrupted`: by a signal. `time limit`,
 * `failures`: at the limit of `--time-limit` or `--max-failures`. `no worker`: none could be used. `error`: anything
 * else, such as a full disk.
 */
export type RunEnd =
  | "complete"
  | "interrupted"
  | "time limit"
  | "failures"
  | "no worker"
  | "error";

/** What has become of a run, behind "the run": was interrupted. */
export const RUN_END_TEXTS: Readonly<Record<RunEnd, string>> = {
  complete: "has ended",
  interrupted: "was interrupted",
  "time limit": "was ended by its time limit",
  failures: "was ended by too many failures",
  "no worker": "has ended without a worker",
  error: "has ended with an error",
};

/** How a run has ended. */
export interface RunEnding {
  readonly end: RunEnd;
  /** The jobs that have neither a result nor failed; missing if the run had not read all its inputs. */
  readonly left?: number | undefined;
  /** Of one that is `complete`: how its jobs have ended, in this run or in earlier ones. */
  readonly done?: number | undefined;
  readonly failed?: number | undefined;
  /** Why it has ended with an `error`. */
  readonly error?: string | undefined;
}

/** An error text may be of any length, and a line of the journal must stay readable. */
export const ENDING_CHARS_MAX = 500;

/** The ending in the fields of a line; `undefined` in lines of builds before 0.1.0, and of runs that have not begun. */
export function endingIn(
  { end, left, done, failed, error }: Readonly<Record<string, unknown>>,
): RunEnding | undefined {
  if (typeof end !== "string" || !Object.hasOwn(RUN_END_TEXTS, end)) return undefined;
  return {
    end: end as RunEnd,
    ...(isCount(left) ? { left } : {}),
    ...(isCount(done) && isCount(failed) ? { done, failed } : {}),
    ...(typeof error === "string" ? { error: error.slice(0, ENDING_CHARS_MAX) } : {}),
  };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
