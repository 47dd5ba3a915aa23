/**
 * Requests that are answered when the run ends: a page in the background asks seldom, as browsers slow its timers down or
 * stop them, and would find nobody any more. Each connection holds one at most.
 */

import type { Clock } from "../runtime/clock.ts";

/** The server closes a connection on which nothing happens for longer, and so may whatever is between. */
const HOLD_MS = 10_000;

/** The requests of one page. */
export class HeldRequests {
  readonly #clock: Clock;
  readonly #held = new Set<() => void>();
  #isOver = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get count(): number {
    return this.#held.size;
  }

  /** Resolves when it is over, to `true`, or when the connection needs a sign of life, to `false`. */
  async wait(): Promise<boolean> {
    if (!this.#isOver) await this.#hold();
    return this.#isOver;
  }

  /** It is over: all are answered now. */
  release(): void {
    this.#isOver = true;
    for (const resolve of this.#held) resolve();
    this.#held.clear();
  }

  #hold(): Promise<void> {
    return new Promise((resolve) => {
      const answer = () => {
        timer.stop();
        this.#held.delete(answer);
        resolve();
      };
      const timer = this.#clock.after(HOLD_MS, answer);
      this.#held.add(answer);
    });
  }
}
