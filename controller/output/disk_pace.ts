/** Measures whether a disk is fast enough for synchronous writes. */

import type { Clock } from "../../runtime/clock.ts";

/** A disk that takes this long per output is slow: synchronous writes would hold up the workers. */
const SLOW_MS = 0.5;

/** A slow disk is measured again after this time, as it may only have been busy. */
const REMEASURE_MS = 5_000;

/** Weight of the newest measurement. */
const SMOOTHING = 0.1;

/** A moving average of the time per output. A new disk counts as fast. */
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
