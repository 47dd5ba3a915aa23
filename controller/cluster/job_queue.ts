/** The queue of a cluster's jobs, which is bounded in jobs and bytes. Each client has its part of it. */

import type { ClientId, CoreKey } from "../../pool/ids.ts";
import type { Job } from "../../pool/job.ts";
import type { Pool } from "../../pool/pool.ts";
import { inputBytesOf, type Task } from "./cluster_types.ts";
import { QUEUE_BYTES_MAX, QueuesAhead } from "./queue_ahead.ts";

/** Jobs that are queued ahead, so that workers never wait for inputs to be read. */
const QUEUE_JOBS_MIN = 64;

/** What keeps answers, which take memory like inputs. */
interface Keeper {
  readonly heldBytes: number;
}

/** The queue, and its clients in the pool. */
export class JobQueue<T extends Task> {
  /** The client of the cluster itself. */
  readonly client: ClientId;
  readonly #pool: Pool<T>;
  readonly #core: CoreKey;
  readonly #failed: Keeper;
  readonly #voted: Keeper | undefined;
  readonly #ahead = new QueuesAhead();

  /** `failed`, `voted`: what keeps answers of jobs that have failed, and that wait for another vote. */
  constructor(pool: Pool<T>, core: CoreKey, failed: Keeper, voted: Keeper | undefined) {
    this.client = pool.onClientUp();
    this.#pool = pool;
    this.#core = core;
    this.#failed = failed;
    this.#voted = voted;
  }

  /** Whether more jobs may be queued. Answers that wait for a vote or for another node's count as well. */
  hasRoom(client = this.client): boolean {
    const { queued, queuedBytes } = this.#pool.queueOf(client);
    const waitingBytes = this.#failed.heldBytes + (this.#voted?.heldBytes ?? 0);
    if (queued >= Math.max(QUEUE_JOBS_MIN, this.#pool.capacity())) return false;
    if (queuedBytes + waitingBytes >= QUEUE_BYTES_MAX) return false;
    // What is queued may have to wait for a certain node, while slots of others have nothing to do.
    return this.#ahead.of(client).hasRoom(queuedBytes) || this.#hasFreeSlots;
  }

  add(task: T, nowMs: number, client = this.client): Job<T> {
    const ahead = this.#ahead.of(client);
    if (ahead.mayGrow && this.#hasFreeSlots && this.#pool.counts().queued === 0) ahead.onStarved();
    const job = this.#pool.onJob(client, this.#core, inputBytesOf(task), task, nowMs);
    if (!job) throw new TypeError("A task was added for a client that is closed");
    ahead.onQueued(job.bytes, this.#pool.queueOf(client).queuedBytes);
    return job;
  }

  get #hasFreeSlots(): boolean {
    const { slots, slotsBusy } = this.#pool.counts();
    return slotsBusy < slots;
  }

  /** Says whether all jobs are queued. It may go back to `false`. */
  setEnded(isEnded: boolean, client = this.client): void {
    this.#pool.onClientEnded(client, isEnded);
  }

  openClient(priority: number): ClientId {
    return this.#pool.onClientUp(priority);
  }

  /** All jobs of the client have ended. */
  closeClient(client: ClientId): void {
    this.#pool.onClientGone(client);
    this.#ahead.delete(client);
  }
}
