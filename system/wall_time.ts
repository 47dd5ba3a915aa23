/** Converts times of a monotonic clock to times since 1970. */

import type { Clock } from "../runtime/clock.ts";

/** How often the two clocks are compared. */
const COMPARED_MS = 1_000;

/** A larger difference means that somebody has set the wall clock, or that the other one was stopped for a while. */
const DIFFERENCE_MS_MAX = 20;

/** How far the wall clock is ahead of a monotonic clock: the same all the time, unless one of them jumps. */
export class WallTime {
  readonly #clock: Pick<Clock, "now" | "date">;
  #aheadMs: number;
  #comparedAtMs: number;

  constructor(clock: Pick<Clock, "now" | "date">) {
    this.#clock = clock;
    this.#comparedAtMs = clock.now();
    this.#aheadMs = clock.date() - this.#comparedAtMs;
  }

  /** What to add to a time of the clock to get milliseconds since 1970. `nowMs`: the time of the clock. */
  aheadMs(nowMs: number): number {
    if (nowMs - this.#comparedAtMs >= COMPARED_MS) this.#compare();
    return this.#aheadMs;
  }

  #compare(): void {
    this.#comparedAtMs = this.#clock.now();
    const aheadMs = this.#clock.date() - this.#comparedAtMs;
    if (Math.abs(aheadMs - this.#aheadMs) > DIFFERENCE_MS_MAX) this.#aheadMs = aheadMs;
  }
}
