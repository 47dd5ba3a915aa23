/** Measures whether a disk is fast enough for synchronous writes. */

import type { Clock } from "../../runtime/clock.ts";

/** A disk that takes this long per output is slow: synchronous writes would hold up the workers. */
const SLOW_MS = 0.5;

/** No measurement counts for more: when the machine is busy, a process may have to wait in any call. */
const COUNTED_MS_MAX = 2;
/** Unless it is this long: such a disk is slow at once. */
const STALL_MS = 100;

/** A slow disk is measured again after this time, as it may only have been busy. */
const REMEASURE_MS_MIN = 500;
/** At most this part of the time goes into measuring a disk that stays slow, which blocks everything else. */
const MEASURING_PART_MAX = 0.02;

/** Weight of the newest measurement. */
const SMOOTHING = 0.1;

/**
 * A moving average of the time per file. A new disk counts as fast, and a slow one is known after a few files: then
 * it has held up this process for at most 200 ms, or for one operation.
 */
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

  /** A file was written, or read, in this time. */
  add(ms: number): void {
    const countedMs = ms < STALL_MS ? Math.min(ms, COUNTED_MS_MAX) : ms;
    const wasSlow = this.#isSlow;
    this.#recentMs = wasSlow
      ? countedMs
      : this.#recentMs + SMOOTHING * (countedMs - this.#recentMs);
    if (!this.#isSlow) return;
    // A single stall may have been a pause of this process. If the next file is slow too, the disk is.
    const pauseMs = wasSlow ? ms / MEASURING_PART_MAX : 0;
    this.#remeasureAtMs = this.#clock.now() + Math.max(REMEASURE_MS_MIN, pauseMs);
  }

  get #isSlow(): boolean {
    return this.#recentMs >= SLOW_MS;
  }
}
