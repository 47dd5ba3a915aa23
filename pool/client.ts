/** What the pool knows of one client: its queue, and whether it may have jobs sent now. */

import { AntiAffinity } from "./anti_affinity.ts";
import { JobList } from "./job_list.ts";
import type { ClientId, Job, Taker } from "./types.ts";

/** A client's state. Only the pool changes it. */
export class Client<T> {
  readonly #queue = new JobList<T>();
  readonly #detours = new AntiAffinity<T>();
  queuedBytes = 0;
  inFlight = 0;
  /** The last job that it had sent; 0 before the first. */
  lastDispatch = 0;
  lastSentAtMs = 0;
  /** Its results pile up at its owner: it gets no more until they are taken. */
  isBlocked = false;
  /** No more jobs will come: what is queued and in flight is all there is. */
  isEnded = false;

  constructor(readonly id: ClientId) {}

  /** Jobs that wait. */
  get queued(): number {
    return this.#queue.length + this.#detours.length;
  }

  /** A job whose turn it is, if it may go out. */
  get next(): Job<T> | undefined {
    if (this.isBlocked) return undefined;
    return this.#queue.first ?? this.#detours.first;
  }

  /** The job whose turn it is at an endpoint. `isOnly`: there is no other one. */
  nextFor(endpoint: Taker, nowMs: number, isOnly: boolean): Job<T> | undefined {
    if (this.isBlocked) return undefined;
    return this.#detours.peekFor(endpoint, nowMs, isOnly) ?? this.#queue.first;
  }

  pushBack(job: Job<T>): void {
    if (job.avoids.length > 0) this.#detours.add(job);
    else this.#queue.pushBack(job);
    this.queuedBytes += job.bytes;
  }

  pushFront(job: Job<T>): void {
    if (job.avoids.length > 0) this.#detours.add(job);
    else this.#queue.pushFront(job);
    this.queuedBytes += job.bytes;
  }

  /** Takes a job out, wherever it stands, in constant time. Nothing changes if it does not wait here. */
  take(job: Job<T>): void {
    const isTaken = this.#queue.remove(job) || this.#detours.remove(job);
    if (isTaken) this.queuedBytes -= job.bytes;
  }

  /** Jobs that wait, those first that must not go just anywhere. */
  *jobs(): Iterable<Job<T>> {
    yield* this.#detours;
    yield* this.#queue;
  }

  /** Takes all jobs that `matches`, in their order. */
  takeWhere(matches: (job: Job<T>) => boolean): Job<T>[] {
    const jobs = [...this.jobs()].filter(matches);
    for (const job of jobs) this.take(job);
    return jobs;
  }
}
