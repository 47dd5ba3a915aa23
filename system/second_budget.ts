/** Bounds how much of something passes in a second, such as lines or bytes. */

const SECOND_MS = 1_000;

/** What does not fit into the second is refused; what is smaller may still fit. */
export class SecondBudget {
  readonly #max: number;
  #startedAtMs = -Infinity;
  #taken = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Takes some of it. Returns whether it fits. */
  take(amount: number, nowMs: number): boolean {
    if (nowMs - this.#startedAtMs >= SECOND_MS) [this.#startedAtMs, this.#taken] = [nowMs, 0];
    if (this.#taken + amount > this.#max) return false;
    this.#taken += amount;
    return true;
  }
}
