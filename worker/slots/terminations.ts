/**
 * Jobs whose slots were ended by SIGTERM and the like. That is nobody's fault: the jobs run again, and it does
 * not count as an attempt. But a core may send the signal to itself, so each job may lose this many slots only.
 */

import type { DispatchId, EndpointId } from "../../pool/ids.ts";
import type { Job } from "../../pool/job.ts";
import type { Pool } from "../../pool/pool.ts";
import type { StoredCore } from "../cores/stored_core.ts";
import type { RelayedJob } from "../job.ts";
import { lastFirst } from "./returned_jobs.ts";

/**
 * How many slots a job may lose this way while it runs. More than anybody ends by hand, and few enough that a
 * core that ends itself costs seconds.
 */
export const TERMINATIONS_MAX = 10;

/** Counts ended slots, by the job that each was running or the core that it was loading. */
export class Terminations {
  readonly #pool: Pool<RelayedJob>;
  readonly #onFailed: (job: Job<RelayedJob>, reason: string) => void;
  readonly #counts = new WeakMap<RelayedJob | StoredCore, number>();

  /** `onFailed`: a job has left the pool, because its slot was ended too often while it ran. */
  constructor(
    pool: Pool<RelayedJob>,
    onFailed: (job: Job<RelayedJob>, reason: string) => void,
  ) {
    this.#pool = pool;
    this.#onFailed = onFailed;
  }

  /** A slot was ended, having started the job `lastStarted`. All its jobs run again, but for one that fails. */
  onLost(endpoint: EndpointId, reason: string, lastStarted: DispatchId, nowMs: number): void {
    const running = this.#pool.jobAt(endpoint, lastStarted);
    for (const { job, dispatch } of lastFirst(this.#pool, endpoint)) {
      if (job !== running || this.#count(job.payload) < TERMINATIONS_MAX) {
        this.#pool.onReturned(endpoint, dispatch, nowMs);
      } else {
        this.#pool.onAnswer(endpoint, dispatch, nowMs);
        this.#onFailed(job, `${reason}, ${TERMINATIONS_MAX} times while it ran`);
      }
    }
  }

  /** A slot was ended while it loaded a core. Returns whether that has happened too often. */
  onLoadLost(core: StoredCore): boolean {
    return this.#count(core) >= TERMINATIONS_MAX;
  }

  /** The core was loaded. */
  onLoaded(core: StoredCore): void {
    this.#counts.delete(core);
  }

  /** Counts one more. Returns how many there are. */
  #count(what: RelayedJob | StoredCore): number {
    const count = 1 + (this.#counts.get(what) ?? 0);
    this.#counts.set(what, count);
    return count;
  }
}
