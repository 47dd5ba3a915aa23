/**
 * Queued jobs with anti-affinity, which should avoid certain endpoints: second copies of jobs in flight, and
 * retries of failed jobs. They are sent before the other jobs of their client.
 */

import type { CoreKey, EndpointId } from "./ids.ts";
import { type Job, JobList } from "./job.ts";

/** How long a job waits for an endpoint that it does not avoid. After that, a mere preference no longer counts. */
const PREFERENCE_MS = 10_000;

/** The properties of an endpoint that decide whether a job may run there. */
export interface Target {
  readonly id: EndpointId;
  readonly core: CoreKey | undefined;
}

/** Finds a job for an endpoint in constant time if each job avoids one endpoint, as most do. */
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

  /** The next job for an endpoint. `isOnly`: there is no other endpoint, so that preferences do not count. */
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

  /** Removes a job from any position. Returns whether it was in this queue. */
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
