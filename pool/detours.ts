/**
 * Jobs that should not go just anywhere: a second copy of one that runs elsewhere, or one that has failed
 * where it was. They go out before the others of their client.
 */

import { Deque } from "./deque.ts";
import type { EndpointId, Job, Taker } from "./types.ts";

/** A job waits so long for another endpoint. Then it takes the one that it would rather avoid. */
const PATIENCE_MS = 10_000;

/** Finds a job for an endpoint in constant time as long as each avoids one endpoint; most do. */
export class Detours<T> {
  readonly #byAvoided = new Map<EndpointId, Deque<Job<T>>>();
  /** Those that avoid several. */
  #picky: Job<T>[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Any job, the next one as good as another. */
  get first(): Job<T> | undefined {
    for (const jobs of this.#byAvoided.values()) {
      const job = jobs.peek();
      if (job) return job;
    }
    return this.#picky[0];
  }

  add(job: Job<T>): void {
    this.#length += 1;
    const [avoided, ...others] = job.avoids;
    if (avoided === undefined || others.length > 0) {
      this.#picky.push(job);
      return;
    }
    const jobs = this.#byAvoided.get(avoided) ?? new Deque<Job<T>>();
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
    for (const jobs of this.#byAvoided.values()) {
      const job = jobs.peek();
      if (job && fits(job)) return job;
    }
    return this.#picky.find(fits);
  }

  find(matches: (job: Job<T>) => boolean): Job<T> | undefined {
    for (const jobs of this.#byAvoided.values()) {
      const job = jobs.find(matches);
      if (job) return job;
    }
    return this.#picky.find(matches);
  }

  /** Takes one out, and says whether it was there. */
  remove(job: Job<T>): boolean {
    const [avoided, ...others] = job.avoids;
    const jobs = avoided === undefined ? undefined : this.#byAvoided.get(avoided);
    if (!jobs || others.length > 0 || jobs.peek() !== job) {
      return this.takeWhere((other) => other === job).length > 0;
    }
    jobs.popFront();
    this.#length -= 1;
    if (jobs.length === 0) this.#byAvoided.delete(avoided as EndpointId);
    return true;
  }

  /** Takes all out that `matches`. */
  takeWhere(matches: (job: Job<T>) => boolean): Job<T>[] {
    const taken: Job<T>[] = [];
    for (const [avoided, jobs] of this.#byAvoided) {
      taken.push(...jobs.takeWhere(matches));
      if (jobs.length === 0) this.#byAvoided.delete(avoided);
    }
    taken.push(...this.#picky.filter(matches));
    this.#picky = this.#picky.filter((job) => !matches(job));
    this.#length -= taken.length;
    return taken;
  }
}
