/**
 * Numbers lines, for the names of their outputs. Lines of earlier runs keep their numbers, so that a line that is
 * inserted at the top of a file does not rerun all others. A new line gets its place in the file as its number, unless
 * an earlier line that is still there has it; then it gets one behind all others.
 *
 * A file may change between the first pass over it, which finds the lines that are still there, and the second. An
 * earlier line that only the second one finds is a new line: another one may have got its number.
 */

import type { KnownLines } from "../output/finished_jobs.ts";
import { paddedNumber } from "./padded_number.ts";

/** Numbers of lines in the file that are not their places. */
export interface KeptNumbers {
  /** Whether an earlier line has this number, which is not its place. */
  isKept(number: number): boolean;
  /** All earlier numbers, and all places as far as they are known, are smaller. */
  readonly end: number;
}

/** Numbers the lines of one run, in their order. */
export class LineNumbers {
  readonly #digits: number;
  readonly #known: KnownLines | undefined;
  readonly #kept: KeptNumbers;
  /** The numbers of lines whose places have another line's output. */
  readonly #given = new Set<number>();
  #next: number;

  constructor(
    digits: number,
    known?: KnownLines,
    kept: KeptNumbers = { isKept: () => false, end: 0 },
  ) {
    this.#digits = digits;
    this.#known = known;
    this.#kept = kept;
    this.#next = kept.end;
  }

  /** The number of the line at `place`, as the name of its output has it. */
  numberOf(identity: string, place: number): string {
    const known = this.#known?.numberOf(identity);
    if (known !== undefined && this.#isStillIts(Number(known), place)) return known;
    // No later line has a place that has passed.
    const isFree = !this.#given.delete(place) && !this.#kept.isKept(place);
    return paddedNumber(isFree ? place : this.#newNumber(place), this.#digits);
  }

  /** Whether no new line can have got this number, which an earlier run has given to the line at `place`. */
  #isStillIts(number: number, place: number): boolean {
    return number === place || this.#kept.isKept(number);
  }

  #newNumber(place: number): number {
    const number = Math.max(this.#next, place + 1);
    this.#next = number + 1;
    this.#given.add(number);
    return number;
  }
}
