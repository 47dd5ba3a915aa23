/**
 * Where jobs were lost with their workers. A lying worker takes a job, drops its connection, comes back, and takes
 * the same job again. So a job that was lost runs elsewhere next, if there is another machine, and a loss at the same
 * place as the one before says little about it.
 */

import type { EndpointId } from "../../pool/ids.ts";
import type { Job } from "../../pool/job.ts";
import type { Pool } from "../../pool/pool.ts";

/** A job that was lost, and where. */
interface LostJob<T> {
  readonly job: Job<T>;
  readonly place: object;
}

/** The jobs that were lost and have not ended. */
export class LostJobs<T> {
  readonly #pool: Pool<T>;
  /** The last loss of each job, by its payload. */
  readonly #lost = new Map<T, LostJob<T>>();

  constructor(pool: Pool<T>) {
    this.#pool = pool;
  }

  /** A job is lost at a place. Returns whether it was lost there before, and at no other place since. */
  onLost(job: Job<T>, place: object): boolean {
    if (!this.#pool.isWanted(job)) return false;
    const isAgain = this.#lost.get(job.payload)?.place === place;
    this.#lost.set(job.payload, { job, place });
    return isAgain;
  }

  /** There is a worker at a place: queued jobs that were lost there prefer other workers for a while. */
  onWorkerAt(place: object, endpoint: EndpointId, nowMs: number): void {
    for (const { job, place: lostAt } of this.#lost.values()) {
      if (lostAt !== place || job.antiAffinity.isRequired) continue;
      this.#pool.onAntiAffinity(job, { endpoints: [endpoint], isRequired: false }, nowMs);
    }
  }

  /** The job has ended. */
  forget(task: T): void {
    if (this.#lost.size > 0) this.#lost.delete(task); // hardly ever
  }
}
