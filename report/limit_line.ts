/** A finding in words. */

/** Both without a period, as they are put together. */
export interface LimitText {
  readonly what: string;
  readonly advice: string;
}

/** One line for a terminal. */
export function limitLine({ what, advice }: LimitText): string {
  if (advice === "") return what;
  return what.includes(": ")
    ? `${what}. ${advice[0]?.toUpperCase()}${advice.slice(1)}`
    : `${what}: ${advice}`;
}
