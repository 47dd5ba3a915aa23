/** What the pool knows of one client: its queue, and whether it may have jobs sent now. */

import { Deque } from "./deque.ts";
import type { ClientId, Job } from "./types.ts";

/** A client's state. Only the pool changes it. */
export class Client<T> {
  readonly queue = new Deque<Job<T>>();
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

  /** The job whose turn it is, if it may go out. */
  get next(): Job<T> | undefined {
    return this.isBlocked ? undefined : this.queue.peek();
  }

  pushBack(job: Job<T>): void {
    this.queue.pushBack(job);
    this.queuedBytes += job.bytes;
  }

  pushFront(job: Job<T>): void {
    this.queue.pushFront(job);
    this.queuedBytes += job.bytes;
  }

  /** Takes the job that `next` showed. */
  take(): Job<T> | undefined {
    const job = this.queue.popFront();
    if (job) this.queuedBytes -= job.bytes;
    return job;
  }

  /** Takes all jobs that `matches`, in their order. */
  takeWhere(matches: (job: Job<T>) => boolean): Job<T>[] {
    const jobs = this.queue.takeWhere(matches);
    for (const job of jobs) this.queuedBytes -= job.bytes;
    return jobs;
  }
}
