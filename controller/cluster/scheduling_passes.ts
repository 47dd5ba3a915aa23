/** When jobs are scheduled: once for all events of a turn, and only after those who got answers could react to them. */

import type { Clock } from "../../runtime/clock.ts";

/**
 * A program that has got the result of its job often has the next job at once. If jobs are scheduled this many
 * microtasks later, that job takes the slot that has just become free, instead of waiting behind another client's job
 * in it. A promise that passes through a few functions needs about ten.
 */
const REPLY_MICROTASKS = 16;

/** Schedules after events. */
export class SchedulingPasses {
  readonly #clock: Clock;
  readonly #microtasks: number;
  readonly #schedule: () => void;
  /** The time of the first event since the last pass: one reading of the clock serves all of them. */
  #eventAtMs: number | undefined;

  /** `isInteractive`: single jobs are in a hurry. */
  constructor(clock: Clock, isInteractive = false, schedule: () => void) {
    this.#clock = clock;
    this.#microtasks = isInteractive ? REPLY_MICROTASKS : 1;
    this.#schedule = schedule;
  }

  /** Something has happened. Returns the time. */
  onEvent(): number {
    if (this.#eventAtMs === undefined) {
      this.#eventAtMs = this.#clock.now();
      afterMicrotasks(this.#microtasks, () => {
        this.#eventAtMs = undefined;
        this.#schedule();
      });
    }
    return this.#eventAtMs;
  }
}

function afterMicrotasks(count: number, action: () => void): void {
  queueMicrotask(count > 1 ? () => afterMicrotasks(count - 1, action) : action);
}
