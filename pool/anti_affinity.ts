/**
 * Queued jobs that should not run just anywhere: a second copy of one that runs elsewhere, or a job that
 * has failed and is tried again. They go out before the other jobs of their client.
 */

import type { CoreKey, EndpointId } from "./ids.ts";
import { type Job, JobList } from "./job.ts";

/** A job waits this long for another endpoint. Then it may run on one that it would rather avoid. */
const PREFERENCE_MS = 10_000;

/** What decides whether a job may go to an endpoint. */
export interface Target {
  readonly id: EndpointId;
  readonly core: CoreKey | undefined;
}

/** Finds a job for an endpoint in constant time as long as each job avoids one endpoint; most do. */
export class AntiAffinityQueue<T> {
  readonly #byAvoided = new Map<EndpointId, JobList<T>>();
  /** Jobs that avoid several endpoints. */
  readonly #avoidingSeveral = new JobList<T>();
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Any of the jobs. */
  get first(): Job<T> | undefined {
    for (const { first } of this.#byAvoided.values()) if (first) return first;
    return this.#avoidingSeveral.first;
  }

  add(job: Job<T>): void {
    this.#length += 1;
    const [avoided, ...others] = job.antiAffinity.endpoints;
    if (avoided === undefined || others.length > 0) {
      this.#avoidingSeveral.pushBack(job);
      return;
    }
    const jobs = this.#byAvoided.get(avoided) ?? new JobList<T>();
    jobs.pushBack(job);
    this.#byAvoided.set(avoided, jobs);
  }

  /** The next job for an endpoint. `isOnly`: it is the only one, so that preferences do not count. */
  peekFor({ id, core }: Target, nowMs: number, isOnly: boolean): Job<T> | undefined {
    if (this.#length === 0) return undefined;
    const fits = (job: Job<T>) => {
      if (job.core !== core) return false;
      const { endpoints, isRequired } = job.antiAffinity;
      if (!endpoints.includes(id)) return true;
      return !isRequired && (isOnly || nowMs - job.queuedAtMs >= PREFERENCE_MS);
    };
    for (const { first } of this.#byAvoided.values()) if (first && fits(first)) return first;
    for (const job of this.#avoidingSeveral) if (fits(job)) return job;
    return undefined;
  }

  /** Takes a job out, wherever it stands. Returns whether it was here. */
  remove(job: Job<T>): boolean {
    const avoided = job.antiAffinity.endpoints[0] as EndpointId;
    const jobs = this.#byAvoided.get(avoided);
    if (!jobs?.remove(job) && !this.#avoidingSeveral.remove(job)) return false;
    if (jobs?.length === 0) this.#byAvoided.delete(avoided);
    this.#length -= 1;
    return true;
  }

  *[Symbol.iterator](): Iterator<Job<T>> {
    for (const jobs of this.#byAvoided.values()) yield* jobs;
    yield* this.#avoidingSeveral;
  }
}
