/** What part of the slots' time was put to use. */

import type { Endpoint } from "./endpoint.ts";

/** Adds up slot time between the scheduler's passes: a change comes with an answer, and so with a pass. */
export class BusyTime {
  #busyMs = 0;
  #slotMs = 0;
  #sampledAtMs = 0;
  #servingSlots = 0;
  #busySlots = 0;

  /** Part of the serving slots' time, since the first one served, in which they had a job; 0 to 1. */
  get part(): number {
    return this.#slotMs === 0 ? 0 : this.#busyMs / this.#slotMs;
  }

  /** A pass begins: what was true after the last one was true until now. */
  sample(nowMs: number): void {
    const elapsedMs = nowMs - this.#sampledAtMs;
    this.#sampledAtMs = nowMs;
    this.#slotMs += this.#servingSlots * elapsedMs;
    this.#busyMs += this.#busySlots * elapsedMs;
  }

  /** A pass is over. A slot is busy while its endpoint has a job for it, the way there and back included. */
  count<T>(endpoints: Iterable<Endpoint<T>>): void {
    this.#servingSlots = this.#busySlots = 0;
    for (const endpoint of endpoints) {
      if (!endpoint.isServing) continue;
      this.#servingSlots += endpoint.pace.slots;
      this.#busySlots += Math.min(endpoint.pace.slots, endpoint.inFlight.size);
    }
  }
}
