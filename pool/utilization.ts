/** What part of the slots' time was used for jobs. */

import type { Sums } from "./sums.ts";

/** Adds up slot time between the scheduler's passes. Every change is followed by a pass. */
export class Utilization {
  #busyMs = 0;
  #readyMs = 0;
  #sampledAtMs = 0;
  #readySlots = 0;
  #busySlots = 0;

  /** The part of the ready slots' time in which they had a job, from 0 to 1. */
  get part(): number {
    return this.#readyMs === 0 ? 0 : this.#busyMs / this.#readyMs;
  }

  /** A pass begins: the counts of the last pass applied until now. */
  sample(nowMs: number): void {
    const elapsedMs = nowMs - this.#sampledAtMs;
    this.#sampledAtMs = nowMs;
    this.#readyMs += this.#readySlots * elapsedMs;
    this.#busyMs += this.#busySlots * elapsedMs;
  }

  /** A pass is over. A slot counts as busy while its endpoint has a job for it, including the transfers. */
  count({ slots, slotsBusy }: Sums): void {
    this.#readySlots = slots;
    this.#busySlots = slotsBusy;
  }
}
