/**
 * How fast connections are accepted. More of them wait in the queue of the system: each costs some tenths of a
 * millisecond, which existing ones would lack.
 */

import { type Clock, delay } from "../runtime/clock.ts";

/** How many connections are accepted in a time. */
export interface AcceptRate {
  readonly perSecond: number;
  /** How many at once, after a quiet time. */
  readonly atOnce: number;
}

/** Counts accepted connections. */
export class AcceptPace {
  readonly #clock: Clock;
  readonly #rate: AcceptRate;
  /** When the last connection that was accepted is due, if they come at the steady rate. */
  #dueAtMs = -Infinity;

  constructor(clock: Clock, rate: AcceptRate) {
    this.#clock = clock;
    this.#rate = rate;
  }

  /** Counts a connection, and resolves when it is due. No other one may be accepted before that. */
  async keep(): Promise<void> {
    const stepMs = 1_000 / this.#rate.perSecond;
    const nowMs = this.#clock.now();
    this.#dueAtMs = Math.max(this.#dueAtMs, nowMs - this.#rate.atOnce * stepMs) + stepMs;
    if (this.#dueAtMs > nowMs) await delay(this.#clock, this.#dueAtMs - nowMs);
  }
}
