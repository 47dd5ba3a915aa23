/** What the pool knows of one client: its queue, and whether it may have jobs sent now. */

import { Deque } from "./deque.ts";
import { Detours } from "./detours.ts";
import type { ClientId, Job, Taker } from "./types.ts";

/** A client's state. Only the pool changes it. */
export class Client<T> {
  readonly #queue = new Deque<Job<T>>();
  readonly #detours = new Detours<T>();
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
    return this.#queue.peek() ?? this.#detours.first;
  }

  /** The job whose turn it is at an endpoint. `isOnly`: there is no other one. */
  nextFor(endpoint: Taker, nowMs: number, isOnly: boolean): Job<T> | undefined {
    if (this.isBlocked) return undefined;
    return this.#detours.peekFor(endpoint, nowMs, isOnly) ?? this.#queue.peek();
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

  /** Takes out a job that `nextFor` showed. */
  take(job: Job<T>): void {
    if (this.#queue.peek() === job) this.#queue.popFront();
    else this.#detours.remove(job);
    this.queuedBytes -= job.bytes;
  }

  /** The first job that `matches`. */
  find(matches: (job: Job<T>) => boolean): Job<T> | undefined {
    return this.#detours.find(matches) ?? this.#queue.find(matches);
  }

  /** Takes a job out, wherever it is. */
  remove(job: Job<T>): void {
    if (this.#queue.remove(job)) this.queuedBytes -= job.bytes;
    else this.takeWhere((other) => other === job);
  }

  /** Takes all jobs that `matches`, in their order. */
  takeWhere(matches: (job: Job<T>) => boolean): Job<T>[] {
    const jobs = [...this.#detours.takeWhere(matches), ...this.#queue.takeWhere(matches)];
    for (const job of jobs) this.queuedBytes -= job.bytes;
    return jobs;
  }
}
