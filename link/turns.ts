/**
 * Gives each piece of work of about a millisecond its own turn of the event loop, one piece after another. So everything
 * else is done in between, however many links have such work.
 */

import type { Clock } from "../runtime/clock.ts";

/**
 * A turn that took longer is followed by a rest: a mebibyte of zeros takes several milliseconds, and each step of each
 * job of others would wait for one. The pieces that a controller of ours compresses are smaller, and take less.
 */
const LONG_MS = 2;

/**
 * The rest is this many times as long as the turn: others have most of the time, also when their jobs wait for several.
 */
const REST_FACTOR = 2;

/** The longest rest. A turn that calls for a longer one was interrupted, as by a SIGSTOP. */
const REST_MS_MAX = 100;

/** The turns of several links. */
export class Turns {
  readonly #clock: Pick<Clock, "now" | "after" | "nextTurn">;
  #last: Promise<void> = Promise.resolve();
  /** How long the last turn took. */
  #tookMs = 0;

  constructor(clock: Pick<Clock, "now" | "after" | "nextTurn">) {
    this.#clock = clock;
  }

  /** Resolves when it is the caller's turn, in a turn of the event loop that nobody else has got. */
  next(): Promise<void> {
    return this.#last = this.#last.then(() => this.#begin());
  }

  async #begin(): Promise<void> {
    await this.#clock.nextTurn();
    const tookMs = this.#tookMs;
    if (tookMs > LONG_MS) {
      const restMs = Math.min(REST_FACTOR * tookMs, REST_MS_MAX);
      await new Promise<void>((resolve) => void this.#clock.after(restMs, resolve));
    }
    this.#tookMs = 0;
    const beganAtMs = this.#clock.now();
    void this.#clock.nextTurn().then(() => this.#tookMs = this.#clock.now() - beganAtMs);
  }
}
