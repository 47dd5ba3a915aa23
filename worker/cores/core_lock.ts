/**
 * A lock for what cores cost the worker itself, over all controllers: each is hashed, written, and read again. Many at
 * once would keep the event loop, and the threads that read and write files, from relaying jobs.
 */

import type { Clock } from "../../runtime/clock.ts";

/**
 * While jobs run, the lock is free again only after a rest that is three times as long as it was held: then the jobs
 * have three quarters of the time, however busy the machine is. Who held it for longer has mostly waited for a disk.
 */
const REST_FACTOR = 3;
const REST_MS_MAX = 100;

/** The lock of a worker. Who waits gets it in order. */
export class CoreLock {
  readonly #clock: Clock;
  readonly #doJobsRun: () => boolean;
  #last: Promise<void> = Promise.resolve();

  constructor(clock: Clock, doJobsRun: () => boolean) {
    this.#clock = clock;
    this.#doJobsRun = doJobsRun;
  }

  /** Does something when all that came before it is done. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#last;
    const done = Promise.withResolvers<void>();
    this.#last = done.promise;
    await before;
    const beganAtMs = this.#clock.now();
    try {
      return await work();
    } finally {
      const restMs = this.#doJobsRun() ? REST_FACTOR * (this.#clock.now() - beganAtMs) : 0;
      if (restMs > 0) this.#clock.after(Math.min(restMs, REST_MS_MAX), done.resolve);
      else done.resolve();
    }
  }
}
