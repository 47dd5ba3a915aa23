/**
 * Turns for what cores cost the worker itself, one after another over all controllers: each is hashed, written, and read
 * again. Many at once would keep the event loop, and the threads that read and write files, from relaying jobs.
 */

import type { Clock } from "../../runtime/clock.ts";

/**
 * A turn is followed by a rest that is as long: then the jobs of others have at least half of the time, however busy the
 * machine is. A turn that took longer has mostly waited for a disk.
 */
const REST_MS_MAX = 100;

/** The turns of a worker. */
export class CoreTurns {
  readonly #clock: Clock;
  #last: Promise<void> = Promise.resolve();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Does something when all that came before it is done. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#last;
    const done = Promise.withResolvers<void>();
    this.#last = done.promise;
    await before;
    const beganAtMs = this.#clock.now();
    try {
      return await work();
    } finally {
      const tookMs = this.#clock.now() - beganAtMs;
      if (tookMs > 0) this.#clock.after(Math.min(tookMs, REST_MS_MAX), done.resolve);
      else done.resolve();
    }
  }
}
