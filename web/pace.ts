/** How often something may happen: some times at once, and then at a steady rate. */

/** The bounds. */
export interface PaceLimits {
  /** How many may be taken at once, after a pause. */
  readonly burst: number;
  readonly perSecond: number;
}

/** Counts what happens. */
export class Pace {
  readonly #limits: PaceLimits;
  /** How often it may happen now; less than 0 if some have to wait. */
  #left: number;
  #countedAtMs: number;

  constructor(limits: PaceLimits, nowMs: number) {
    this.#limits = limits;
    this.#left = limits.burst;
    this.#countedAtMs = nowMs;
  }

  /** Takes one. Returns how long it has to wait. */
  take(nowMs: number): number {
    const { burst, perSecond } = this.#limits;
    const gained = (nowMs - this.#countedAtMs) / 1000 * perSecond;
    this.#left = Math.min(burst, this.#left + gained) - 1;
    this.#countedAtMs = nowMs;
    return this.#left >= 0 ? 0 : -this.#left / perSecond * 1000;
  }
}
