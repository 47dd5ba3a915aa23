/** Pauses between attempts: doubling, bounded, and jittered so that many who wait don't come at once. */

import type { Random } from "../runtime/clock.ts";

const FIRST_MS = 100;
const LONGEST_MS = 5_000;

/** One series of attempts. */
export class Backoff {
  readonly #random: Pick<Random, "fraction">;
  #nextMs = FIRST_MS;

  constructor(random: Pick<Random, "fraction">) {
    this.#random = random;
  }

  /** How long to wait before the next attempt: between half and all of the present step. */
  next(): number {
    const pauseMs = this.#nextMs * (0.5 + this.#random.fraction() / 2);
    this.#nextMs = Math.min(2 * this.#nextMs, LONGEST_MS);
    return pauseMs;
  }

  /** The last attempt has worked: begin with the shortest pause again. */
  reset(): void {
    this.#nextMs = FIRST_MS;
  }
}
