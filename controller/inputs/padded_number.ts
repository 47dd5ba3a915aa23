/** Numbers as names that sort. */

/** Enough for a million inputs. Fewer digits would change the names when a small run is made larger. */
export const NUMBER_DIGITS_MIN = 6;

/** The digits of the names of `count` inputs, which are numbered from 0. */
export function digitsFor(count: number): number {
  return Math.max(NUMBER_DIGITS_MIN, String(Math.max(0, count - 1)).length);
}

/** `000042`. A number with more digits has all of them. */
export function paddedNumber(number: number, digits: number): string {
  return String(number).padStart(digits, "0");
}
