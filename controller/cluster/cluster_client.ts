/** A source of tasks in a cluster: it has a queue of its own, and gets its fair share of the workers. */

import type { ClientId } from "../../pool/ids.ts";
import type { Job } from "../../pool/job.ts";
import type { Jobs } from "./jobs.ts";
import type { Task } from "./cluster_types.ts";

/** What a client needs of its cluster. */
export interface ClientHost<T extends Task> {
  readonly jobs: Jobs<T>;
  /** A closed cluster takes all tasks, and does nothing with them. */
  isClosed(): boolean;
  /** Something has changed: jobs are scheduled. Returns the time. */
  onEvent(): number;
  /** The client will add no more tasks, or will do so after all. */
  onEnded(): void;
  onClosed(): void;
}

/** A client. Its tasks go before those of clients with a lower priority; among equal ones, shares are fair. */
export class ClusterClient<T extends Task> {
  readonly #host: ClientHost<T>;
  readonly #id: ClientId;
  #wake: (() => void)[] = [];
  #isEnded = false;
  #isClosed = false;

  constructor(host: ClientHost<T>, priority: number) {
    this.#host = host;
    this.#id = host.jobs.queue.openClient(priority);
  }

  /** Queues a task. It ends with one `onCompleted`, unless it is canceled or the cluster is closed first. */
  add(task: T): Job<T> {
    return this.#host.jobs.queue.add(task, this.#host.onEvent(), this.#id);
  }

  /** Ends a task without an answer: it is not started, or ended where it runs. */
  cancel(job: Job<T>): void {
    this.#host.jobs.cancel(job);
    this.#host.onEvent();
  }

  /** Whether more tasks may be added now, or it is closed: nobody waits for room in vain. */
  get hasRoom(): boolean {
    return this.#isClosed || this.#host.isClosed() || this.#host.jobs.queue.hasRoom(this.#id);
  }

  /** Resolves when more tasks may be added. */
  async room(): Promise<void> {
    while (!this.hasRoom) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  /** Wakes those who wait for room, if there is some. */
  onRoom(): void {
    if (this.#wake.length > 0 && this.hasRoom) { for (const wake of this.#wake.splice(0)) wake(); }
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** It adds no more tasks. The last ones are spread so that no slot is idle. */
  end(): void {
    this.#isEnded = true;
    this.#host.jobs.queue.setEnded(true, this.#id);
    this.#host.onEnded();
  }

  /** All its tasks have ended. */
  close(): void {
    this.#isClosed = true;
    this.#host.jobs.queue.closeClient(this.#id);
    this.#host.onClosed();
    for (const wake of this.#wake.splice(0)) wake();
  }
}
