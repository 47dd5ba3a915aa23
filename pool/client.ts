/** The pool's state of one client: its queue, and whether its jobs may be sent now. */

import { AntiAffinityQueue, type Target } from "./anti_affinity.ts";
import type { ClientId } from "./ids.ts";
import type { Job } from "./job.ts";
import { LocalityQueue } from "./locality_queue.ts";

/** A client's state. Only the pool changes it. */
export class Client<T> {
  readonly #queue = new LocalityQueue<T>();
  readonly #avoiding = new AntiAffinityQueue<T>();
  queuedBytes = 0;
  /** How many of its jobs are in flight and still wanted. */
  inFlight = 0;
  /** The number of its last job that was sent, counted over all jobs of the pool; 0 before the first job. */
  lastSentNumber = 0;
  lastSentAtMs = 0;
  /** Its owner does not accept results at the moment: none of its jobs are sent. */
  isBlocked = false;
  /** It will submit no more jobs. */
  isEnded = false;

  constructor(readonly id: ClientId, readonly priority = 0) {}

  /** How many jobs are queued. */
  get queued(): number {
    return this.#queue.length + this.#avoiding.length;
  }

  /** Whether some of its queued jobs avoid endpoints. */
  get hasAvoiding(): boolean {
    return this.#avoiding.length > 0;
  }

  /** The next job that may be sent. */
  get next(): Job<T> | undefined {
    if (this.isBlocked) return undefined;
    return this.#queue.first ?? this.#avoiding.first;
  }

  /** The next job that may be sent to an endpoint. `isOnly`: there is no other endpoint. */
  nextFor(endpoint: Target, nowMs: number, isOnly: boolean): Job<T> | undefined {
    if (this.isBlocked) return undefined;
    return this.#avoiding.peekFor(endpoint, nowMs, isOnly) ?? this.#queue.firstFor(endpoint.id);
  }

  pushBack(job: Job<T>): void {
    if (avoidsAny(job)) this.#avoiding.add(job);
    else this.#queue.pushBack(job);
    this.queuedBytes += job.bytes;
  }

  pushFront(job: Job<T>): void {
    if (avoidsAny(job)) this.#avoiding.add(job);
    else this.#queue.pushFront(job);
    this.queuedBytes += job.bytes;
  }

  /** Removes a job from any position in constant time. Does nothing if it is not queued here. */
  take(job: Job<T>): void {
    const isTaken = this.#queue.remove(job) || this.#avoiding.remove(job);
    if (isTaken) this.queuedBytes -= job.bytes;
  }

  /** The queued jobs, those with anti-affinity first. */
  *jobs(): Iterable<Job<T>> {
    yield* this.#avoiding;
    yield* this.#queue;
  }

  /** Removes and returns all jobs that `matches` selects, in order. */
  takeWhere(matches: (job: Job<T>) => boolean): Job<T>[] {
    const jobs = [...this.jobs()].filter(matches);
    for (const job of jobs) this.take(job);
    return jobs;
  }
}

function avoidsAny<T>({ antiAffinity }: Job<T>): boolean {
  return antiAffinity.endpoints.length > 0;
}
