/**
 * How long a core takes to free an output, by readings of the clock that are made anyway: one more for each job would
 * cost more than most cores take to free one.
 */

/** An answer is not held back while an output is freed for longer than this. */
const LONG_FREE_US = 300;

/** The time that the last output took. */
export class FreeTime {
  #beganAtUs: number | undefined;
  #isLong = false;

  /** Whether the last output took long: the next answer had better be written before its output is freed. */
  get isLong(): boolean {
    return this.#isLong;
  }

  /** An output is about to be freed. `readUs`: the last reading of the clock. */
  onBegin(readUs: number): void {
    this.#beganAtUs = readUs;
  }

  /** A reading of the clock: the first one after an output was freed tells how long that took at most. */
  onReading(nowUs: number): void {
    if (this.#beganAtUs === undefined) return;
    this.#isLong = nowUs - this.#beganAtUs > LONG_FREE_US;
    this.#beganAtUs = undefined;
  }
}
