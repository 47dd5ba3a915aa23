/** Times in messages about keys. */

/** How long a day is. */
export const DAY_MS = 24 * 60 * 60 * 1000;

/** The day in UTC, such as `2036-11-23`. */
export function dayText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** The day and the minute in UTC, such as `2036-11-23 14:05 UTC`. */
export function minuteText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
