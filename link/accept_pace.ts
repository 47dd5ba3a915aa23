/**
 * How fast connections are accepted. Those beyond wait in the queue of the system: a connection costs some tenths of a
 * millisecond, which others would lack.
 */

import { type Clock, delay } from "../runtime/clock.ts";

/** How many connections are accepted. */
export interface AcceptRate {
  readonly perSecond: number;
  /** After a quiet time. */
  readonly atOnce: number;
}

/** Counts accepted connections. */
export class AcceptPace {
  readonly #clock: Clock;
  readonly #rate: AcceptRate;
  /** When the connections that were accepted so far would all have been due, one after another. */
  #dueAtMs = -Infinity;

  constructor(clock: Clock, rate: AcceptRate) {
    this.#clock = clock;
    this.#rate = rate;
  }

  /** Counts a connection, and resolves when it is due. Accept no other one before that. */
  async keep(): Promise<void> {
    const stepMs = 1_000 / this.#rate.perSecond;
    const nowMs = this.#clock.now();
    this.#dueAtMs = Math.max(this.#dueAtMs, nowMs - this.#rate.atOnce * stepMs) + stepMs;
    if (this.#dueAtMs > nowMs) await delay(this.#clock, this.#dueAtMs - nowMs);
  }
}
