/**
 * Turns for what cores cost the worker itself, one after another over all controllers: each is hashed, written, and read
 * again. Many at once would keep the event loop, and the threads that read and write files, from relaying jobs.
 */

import type { Clock } from "../../runtime/clock.ts";

/**
 * While jobs run, a turn is followed by a rest that is three times as long: then the jobs have three quarters of the
 * time, however busy the machine is. A turn that took longer has mostly waited for a disk.
 */
const REST_PER_TURN = 3;
const REST_MS_MAX = 100;

/** The turns of a worker. */
export class CoreTurns {
  readonly #clock: Clock;
  readonly #doJobsRun: () => boolean;
  #last: Promise<void> = Promise.resolve();

  constructor(clock: Clock, doJobsRun: () => boolean) {
    this.#clock = clock;
    this.#doJobsRun = doJobsRun;
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
      const restMs = this.#doJobsRun() ? REST_PER_TURN * (this.#clock.now() - beganAtMs) : 0;
      if (restMs > 0) this.#clock.after(Math.min(restMs, REST_MS_MAX), done.resolve);
      else done.resolve();
    }
  }
}
