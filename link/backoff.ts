/** Exponential backoff with jitter, so that many workers do not retry at the same moment. */

const PAUSE_MS_FIRST = 100;
const PAUSE_MS_MAX = 5_000;

/** The pauses of one series of attempts. */
export class Backoff {
  readonly #random: () => number;
  readonly #pauseMsMax: number;
  #nextMs = PAUSE_MS_FIRST;

  /** `random` returns numbers from 0 up to 1. */
  constructor(random: () => number, pauseMsMax = PAUSE_MS_MAX) {
    this.#random = random;
    this.#pauseMsMax = pauseMsMax;
  }

  /** How long to wait before the next attempt: between half and all of the current pause. */
  next(): number {
    const pauseMs = this.#nextMs * (0.5 + this.#random() / 2);
    this.#nextMs = Math.min(2 * this.#nextMs, this.#pauseMsMax);
    return pauseMs;
  }

  /** The last attempt has succeeded: starts with the shortest pause again. */
  reset(): void {
    this.#nextMs = PAUSE_MS_FIRST;
  }
}
