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

/** Finds a job for an endpoint without a look at every job: jobs that avoid the same endpoints wait in one list. */
export class AntiAffinityQueue<T> {
  readonly #avoidingOne = new Map<string, JobList<T>>();
  readonly #avoidingSeveral = new Map<string, JobList<T>>();
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Any of the jobs. */
  get first(): Job<T> | undefined {
    for (const { first } of this.#lists()) if (first) return first;
    return undefined;
  }

  add(job: Job<T>): void {
    const key = groupKey(job);
    const lists = this.#listsOf(job);
    const jobs = lists.get(key) ?? new JobList<T>();
    jobs.pushBack(job);
    lists.set(key, jobs);
    this.#length += 1;
  }

  /** The next job for an endpoint. `isOnly`: there is no other endpoint, so that preferences do not count. */
  peekFor({ id, core }: Target, nowMs: number, isOnly: boolean): Job<T> | undefined {
    if (this.#length === 0) return undefined;
    for (const { first } of this.#lists()) {
      if (!first || first.core !== core) continue;
      const { endpoints, isRequired } = first.antiAffinity;
      const isLate = nowMs - first.queuedAtMs >= PREFERENCE_MS;
      if (!endpoints.includes(id) || (!isRequired && (isOnly || isLate))) return first;
    }
    return undefined;
  }

  /** Removes a job from any position. Returns whether it was in this queue. */
  remove(job: Job<T>): boolean {
    const key = groupKey(job);
    const lists = this.#listsOf(job);
    const jobs = lists.get(key);
    if (!jobs?.remove(job)) return false;
    if (jobs.length === 0) lists.delete(key);
    this.#length -= 1;
    return true;
  }

  *[Symbol.iterator](): Iterator<Job<T>> {
    for (const jobs of this.#lists()) yield* jobs;
  }

  *#lists(): Iterable<JobList<T>> {
    yield* this.#avoidingOne.values();
    yield* this.#avoidingSeveral.values();
  }

  #listsOf({ antiAffinity }: Job<T>): Map<string, JobList<T>> {
    return antiAffinity.endpoints.length > 1 ? this.#avoidingSeveral : this.#avoidingOne;
  }
}

/** Jobs with the same key may run on the same endpoints. */
function groupKey<T>({ core, antiAffinity: { endpoints, isRequired } }: Job<T>): string {
  return `${endpoints.join(",")} ${isRequired} ${core}`;
}
