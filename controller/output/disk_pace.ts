/** Whether a disk is so fast that waiting for it costs less than going on with other work meanwhile. */

import type { Clock } from "../../runtime/clock.ts";

/** From this time per output on a disk is slow: outputs written one by one would hold up the workers. */
const SLOW_MS = 0.5;

/** A slow disk may just have been busy: it is measured again after this time. */
const REMEASURE_MS = 5_000;

/** Weight of the newest measurement. */
const SMOOTHING = 0.1;

/** Follows how long outputs take. A new disk is taken to be fast. */
export class DiskPace {
  readonly #clock: Clock;
  #recentMs = 0;
  #remeasureAtMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isFast(): boolean {
    return !this.#isSlow || this.#clock.now() >= this.#remeasureAtMs;
  }

  /** An output was written in this time. */
  add(ms: number): void {
    this.#recentMs = this.#isSlow ? ms : this.#recentMs + SMOOTHING * (ms - this.#recentMs);
    if (this.#isSlow) this.#remeasureAtMs = this.#clock.now() + REMEASURE_MS;
  }

  get #isSlow(): boolean {
    return this.#recentMs >= SLOW_MS;
  }
}
