/**
 * With which workers jobs were lost. A lying worker takes a job, drops its connection, comes back, and takes the same
 * job again. So a job that was lost runs elsewhere next, if there is another machine, and a loss with the same history
 * of a worker as the one before says little about it.
 */

import type { EndpointId } from "../../pool/ids.ts";
import type { Job } from "../../pool/job.ts";
import type { Pool } from "../../pool/pool.ts";

/** A job that was lost, and the history of the worker that had it. */
interface LostJob<T> {
  readonly job: Job<T>;
  readonly history: object;
  /** Whether a worker without limits was given up while it had the job. */
  readonly mayHang: boolean;
}

/** The jobs that were lost and have not ended. */
export class LostJobs<T> {
  readonly #pool: Pool<T>;
  /** The last loss of each job, by its payload. */
  readonly #lost = new Map<T, LostJob<T>>();

  constructor(pool: Pool<T>) {
    this.#pool = pool;
  }

  /** A job is lost with a worker of this history. Returns whether that was so at its last loss, too. */
  onLost(job: Job<T>, history: object): boolean {
    if (!this.#pool.isWanted(job)) return false;
    const last = this.#lost.get(job.payload);
    this.#lost.set(job.payload, { job, history, mayHang: last?.mayHang ?? false });
    return last?.history === history;
  }

  /** A job may have hung the worker with which it was lost. `unlimited`: the other workers without limits. */
  onHung(job: Job<T>, unlimited: readonly EndpointId[], nowMs: number): void {
    const lost = this.#lost.get(job.payload);
    if (!lost || job.antiAffinity.isRequired) return;
    this.#lost.set(job.payload, { ...lost, mayHang: true });
    this.#pool.onAntiAffinity(job, { endpoints: unlimited, isRequired: false }, nowMs);
  }

  /**
   * There is a worker of this history: queued jobs that were lost with it prefer other workers for a while. `unlimited`
   * gives all workers without limits if this is one of them: jobs that may have hung a worker prefer others, too.
   */
  onWorkerWith(
    history: object,
    endpoint: EndpointId,
    unlimited: (() => readonly EndpointId[]) | undefined,
    nowMs: number,
  ): void {
    for (const { job, history: lostAt, mayHang } of this.#lost.values()) {
      const unfit = mayHang ? unlimited?.() : undefined;
      if ((lostAt !== history && !unfit) || job.antiAffinity.isRequired) continue;
      const antiAffinity = { endpoints: unfit ?? [endpoint], isRequired: false };
      // Workers that come back again and again must not hold up a job that no other worker can take.
      this.#pool.onAntiAffinity(job, antiAffinity, unfit ? job.queuedAtMs : nowMs);
    }
  }

  /** The job has ended. */
  forget(task: T): void {
    if (this.#lost.size > 0) this.#lost.delete(task); // hardly ever
  }
}
