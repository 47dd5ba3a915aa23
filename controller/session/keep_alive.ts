/** Keeps a program alive while its session has something to do. A session that is idle does not. */

import type { Clock, Timer } from "../../runtime/clock.ts";

/** The timer does nothing but exist. */
const LONG_MS = 1_000_000_000;

/** Counts the reasons to stay. */
export class KeepAlive {
  readonly #clock: Clock;
  #reasons = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  hold(): void {
    this.#reasons += 1;
    this.#timer ??= this.#clock.every(LONG_MS, () => {});
  }

  release(): void {
    this.#reasons -= 1;
    if (this.#reasons > 0) return;
    this.#timer?.stop();
    this.#timer = undefined;
  }

  /** Holds until the promise settles. */
  async during<T>(promise: Promise<T>): Promise<T> {
    this.hold();
    try {
      return await promise;
    } finally {
      this.release();
    }
  }
}
