/** Jobs that run twice, because one run of it takes far too long: the first answer counts. */

import type { Pool } from "../../pool/pool.ts";
import type { DispatchId, EndpointId, Job } from "../../pool/types.ts";
import { Stragglers } from "./stragglers.ts";

/** Takes a job back from the worker that has it. */
export type Cancel = (endpoint: EndpointId, dispatch: DispatchId) => void;

/** The copies in a pool. */
export class Copies<T> {
  readonly #pool: Pool<T>;
  readonly #cancel: Cancel;
  readonly #stragglers = new Stragglers();
  readonly #copies = new Map<T, readonly Job<T>[]>();

  constructor(pool: Pool<T>, cancel: Cancel) {
    this.#pool = pool;
    this.#cancel = cancel;
  }

  /** Whether another run of a job may still answer. */
  hasOther(job: Job<T>): boolean {
    if (this.#copies.size === 0) return false;
    return this.#copies.get(job.payload)?.some((copy) =>
      copy !== job && this.#pool.isWanted(copy)
    ) ??
      false;
  }

  /** A run of a job has failed. Whether it is left to another one, which may then be anywhere. */
  onFailed(job: Job<T>): boolean {
    if (!this.hasOther(job)) return false;
    this.#pool.onCanceled(job);
    for (const copy of this.#copies.get(job.payload) ?? []) this.#pool.allowAnywhere(copy);
    return true;
  }

  /** A worker is gone. Where another run goes on, that has to do, until it turns out to be late, too. */
  onLost(): void {
    for (const [payload, copies] of this.#copies) {
      const wanted = copies.filter((copy) => this.#pool.isWanted(copy));
      const queued = wanted.findLast((copy) => !this.#pool.isInFlight(copy));
      if (!queued || wanted.length < 2) continue;
      this.#pool.onCopyDropped(queued, wanted.filter((copy) => copy !== queued));
      this.#copies.delete(payload);
    }
  }

  /** Nobody waits for a job any more. */
  takeBack(job: Job<T>): void {
    this.#pool.onCanceled(job);
    const at = this.#pool.locate(job);
    if (at) this.#cancel(at.endpoint, at.dispatch);
  }

  /** A job has its answer, so long after it was sent. Others of it are not needed any more. */
  onDone(job: Job<T>, ms: number): void {
    this.#stragglers.onAnswer(ms);
    if (this.#copies.size === 0) return;
    for (const copy of this.#copies.get(job.payload) ?? []) {
      if (copy !== job && this.#pool.isWanted(copy)) this.takeBack(copy);
    }
    this.#copies.delete(job.payload);
  }

  /** Has slots that would be idle run second copies of the jobs that take far too long. */
  copyStragglers(nowMs: number): void {
    const { limitMs } = this.#stragglers;
    const late = [...this.#pool.inFlight()]
      // One that was lost before may be what ends workers: not two at once.
      .filter((job) => job.crashCount === 0 && nowMs - job.sentAtMs > limitMs)
      .filter((job) => !this.#copies.has(job.payload))
      .sort((one, other) => one.sentAtMs - other.sentAtMs);
    const idle = late.length > 0 ? this.#pool.idleSlots(late.length) : [];
    for (const job of late) {
      const runsAt = this.#pool.locate(job)?.endpoint;
      const at = idle.findIndex((endpoint) => endpoint !== runsAt);
      if (at < 0 || runsAt === undefined) continue;
      idle.splice(at, 1);
      this.#copies.set(job.payload, [job, this.#pool.onCopied(job, [runsAt], nowMs)]);
    }
  }
}
