/**
 * Speculative execution: near the end of a run, idle slots run second copies of stragglers. The first result
 * counts, and the other copy is canceled.
 */

import type { Pool } from "../../pool/pool.ts";
import type { DispatchId, EndpointId } from "../../pool/ids.ts";
import type { Job } from "../../pool/job.ts";

/** The median is taken over this many of the latest answers. */
const RECENT_ANSWERS = 512;

/** With fewer answers, the usual duration of a job is not known. */
const ANSWERS_MIN = 5;

/** A straggler takes longer than this many medians, and at least this long, because starting a copy costs time. */
const MEDIANS = 2;
const STRAGGLER_MS_MIN = 1_000;

/** The time after which a job is a straggler, from the times of recent answers. */
export class StragglerThreshold {
  readonly #recentMs = new Float64Array(RECENT_ANSWERS);
  #answers = 0;

  /** A job was answered, `ms` milliseconds after it was sent. */
  onAnswer(ms: number): void {
    this.#recentMs[this.#answers++ % RECENT_ANSWERS] = ms;
  }

  /** A job that was sent longer ago than this is a straggler. `Infinity` while too little is known. */
  get limitMs(): number {
    if (this.#answers < ANSWERS_MIN) return Infinity;
    const sorted = this.#recentMs.slice(0, this.#answers).sort();
    const medianMs = sorted[sorted.length >> 1] as number;
    return Math.max(STRAGGLER_MS_MIN, MEDIANS * medianMs);
  }
}

/** Tells a worker that a job is canceled. */
export type Cancel = (endpoint: EndpointId, dispatch: DispatchId) => void;

/** The copies of one pool's jobs. */
export class Speculation<T> {
  readonly #pool: Pool<T>;
  readonly #cancel: Cancel;
  readonly #threshold = new StragglerThreshold();
  /** Both copies of each copied job, by their payload. */
  readonly #copies = new Map<T, readonly Job<T>[]>();

  constructor(pool: Pool<T>, cancel: Cancel) {
    this.#pool = pool;
    this.#cancel = cancel;
  }

  /** Whether another copy of the job may still give a result. */
  hasOther(job: Job<T>): boolean {
    return this.#othersOf(job).length > 0;
  }

  /** A copy has failed. Returns whether another copy still decides the job; that one may then run on any worker. */
  onFailed(job: Job<T>): boolean {
    const others = this.#othersOf(job);
    if (others.length === 0) return false;
    this.#pool.onCanceled(job);
    for (const other of others) this.#pool.allowAnywhere(other);
    return true;
  }

  /** An endpoint is lost, and its jobs are queued again. Drops those that still run elsewhere as a copy. */
  onEndpointLost(): void {
    for (const [payload, copies] of this.#copies) {
      const wanted = copies.filter((copy) => this.#pool.isWanted(copy));
      const queued = wanted.findLast((copy) => !this.#pool.isInFlight(copy));
      if (!queued || wanted.length < 2) continue;
      this.#pool.onCopyDropped(queued, wanted.filter((copy) => copy !== queued));
      this.#copies.delete(payload);
    }
  }

  /** Cancels a job whose result is no longer needed. */
  cancel(job: Job<T>): void {
    this.#pool.onCanceled(job);
    const at = this.#pool.locate(job);
    if (at) this.#cancel(at.endpoint, at.dispatch);
  }

  /** A job has ended, `ms` milliseconds after it was sent. */
  onCompleted(job: Job<T>, ms: number): void {
    this.#threshold.onAnswer(ms);
    for (const other of this.#othersOf(job)) this.cancel(other);
    if (this.#copies.size > 0) this.#copies.delete(job.payload);
  }

  /** Queues copies of stragglers for idle slots. */
  copyStragglers(nowMs: number): void {
    const { limitMs } = this.#threshold;
    const stragglers = [...this.#pool.inFlight()]
      // A job whose worker was lost may have caused that. A copy could take down a second worker.
      .filter((job) => job.crashCount === 0 && nowMs - job.sentAtMs > limitMs)
      .filter((job) => !this.#copies.has(job.payload))
      .sort((one, other) => one.sentAtMs - other.sentAtMs);
    const idle = stragglers.length > 0 ? this.#pool.idleSlots(stragglers.length) : [];
    for (const job of stragglers) {
      const runsAt = this.#pool.locate(job)?.endpoint;
      if (runsAt === undefined) continue;
      // A job that has failed somewhere is not copied to there.
      const avoided = [runsAt, ...job.antiAffinity.endpoints.filter((other) => other !== runsAt)];
      const at = idle.findIndex((endpoint) => !avoided.includes(endpoint));
      if (at < 0) continue;
      idle.splice(at, 1);
      this.#copies.set(job.payload, [job, this.#pool.onCopied(job, avoided, nowMs)]);
    }
  }

  #othersOf(job: Job<T>): Job<T>[] {
    if (this.#copies.size === 0) return []; // the usual case, checked for every answer
    const copies = this.#copies.get(job.payload) ?? [];
    return copies.filter((copy) => copy !== job && this.#pool.isWanted(copy));
  }
}
