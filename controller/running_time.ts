/**
 * How long a run has been running, without the time in which its process was stopped. The clock stands still after Ctrl-Z.
 * But nobody learns of a SIGSTOP, with which batch systems suspend jobs, before it is over.
 */

import type { Clock, Timer } from "../runtime/clock.ts";

/** How often it reads the clock. */
const TICK_MS = 500;

/** A process that has not read it for this long was stopped: one that is only busy does so sooner. */
const STOPPED_MS_MIN = 5_000;

/** The time of one run, from now on. */
export class RunningTime {
  readonly #clock: Clock;
  readonly #tick: Timer;
  #seenAtMs: number;
  #ms = 0;
  #hasEnded = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#seenAtMs = clock.now();
    this.#tick = clock.every(TICK_MS, () => this.#look());
  }

  get ms(): number {
    if (!this.#hasEnded) this.#look();
    return this.#ms;
  }

  /** It does not get longer after that. */
  end(): void {
    this.#look();
    this.#hasEnded = true;
    this.#tick.stop();
  }

  #look(): void {
    const nowMs = this.#clock.now();
    const passedMs = nowMs - this.#seenAtMs;
    this.#seenAtMs = nowMs;
    if (passedMs < STOPPED_MS_MIN) this.#ms += passedMs;
  }
}
