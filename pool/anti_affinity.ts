/**
 * Jobs that should not go just anywhere: a second copy of one that runs elsewhere, or one that has failed
 * where it was. They go out before the others of their client.
 */

import { JobList } from "./job_list.ts";
import type { EndpointId, Job, Taker } from "./types.ts";

/** A job waits so long for another endpoint. Then it takes the one that it would rather avoid. */
const PATIENCE_MS = 10_000;

/** Finds a job for an endpoint in constant time as long as each avoids one endpoint; most do. */
export class AntiAffinity<T> {
  readonly #byAvoided = new Map<EndpointId, JobList<T>>();
  /** Those that avoid several. */
  readonly #picky = new JobList<T>();
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Any job, the next one as good as another. */
  get first(): Job<T> | undefined {
    for (const { first } of this.#byAvoided.values()) if (first) return first;
    return this.#picky.first;
  }

  add(job: Job<T>): void {
    this.#length += 1;
    const [avoided, ...others] = job.avoids;
    if (avoided === undefined || others.length > 0) {
      this.#picky.pushBack(job);
      return;
    }
    const jobs = this.#byAvoided.get(avoided) ?? new JobList<T>();
    jobs.pushBack(job);
    this.#byAvoided.set(avoided, jobs);
  }

  /** The next job for an endpoint. `isOnly`: no other endpoint can take what would rather avoid this one. */
  peekFor({ id, core }: Taker, nowMs: number, isOnly: boolean): Job<T> | undefined {
    if (this.#length === 0) return undefined;
    const fits = (job: Job<T>) => {
      if (job.core !== core) return false;
      if (!job.avoids.includes(id)) return true;
      return !job.isStrict && (isOnly || nowMs - job.queuedAtMs >= PATIENCE_MS);
    };
    for (const { first } of this.#byAvoided.values()) if (first && fits(first)) return first;
    for (const job of this.#picky) if (fits(job)) return job;
    return undefined;
  }

  /** Takes one out, wherever it stands, and says whether it was there. */
  remove(job: Job<T>): boolean {
    const avoided = job.avoids[0] as EndpointId;
    const jobs = this.#byAvoided.get(avoided);
    if (!jobs?.remove(job) && !this.#picky.remove(job)) return false;
    if (jobs?.length === 0) this.#byAvoided.delete(avoided);
    this.#length -= 1;
    return true;
  }

  *[Symbol.iterator](): Iterator<Job<T>> {
    for (const jobs of this.#byAvoided.values()) yield* jobs;
    yield* this.#picky;
  }
}
