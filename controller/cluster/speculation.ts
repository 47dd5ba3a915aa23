/**
 * Speculative execution: near the end of a run, idle slots run second copies of stragglers. The first result
 * counts, the other copy is canceled.
 */

import type { Pool } from "../../pool/pool.ts";
import type { DispatchId, EndpointId, Job } from "../../pool/types.ts";

/** The median is that of so many answers, the latest ones. */
const RECENT_ANSWERS = 512;

/** Fewer do not show how long a job usually takes. */
const ANSWERS_MIN = 5;

/** A straggler takes more than so many medians, and not less than this: starting a copy costs time, too. */
const MEDIANS = 2;
const STRAGGLER_MS_MIN = 1_000;

/** Learns how long jobs take, and which take much longer. */
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
  /** Both jobs of each pair, by what they run. */
  readonly #copies = new Map<T, readonly Job<T>[]>();

  constructor(pool: Pool<T>, cancel: Cancel) {
    this.#pool = pool;
    this.#cancel = cancel;
  }

  /** Whether another copy of the job may still give a result. */
  hasOther(job: Job<T>): boolean {
    return this.#othersOf(job).length > 0;
  }

  /** A copy has failed. Returns whether that is left to the other one, which may then run anywhere. */
  onFailed(job: Job<T>): boolean {
    const others = this.#othersOf(job);
    if (others.length === 0) return false;
    markUnwanted(job);
    for (const other of others) allowAnywhere(other);
    return true;
  }

  /** An endpoint is lost, and its jobs are queued again. A job that runs elsewhere needs no second copy. */
  onEndpointLost(): void {
    for (const [payload, copies] of this.#copies) {
      const wanted = copies.filter(isWanted);
      const queued = wanted.findLast((copy) => !this.#pool.isInFlight(copy));
      if (!queued || wanted.length < 2) continue;
      this.#pool.onCancelled(queued);
      this.#copies.delete(payload);
      for (const copy of wanted) inheritLosses(copy, queued);
    }
  }

  /** Nobody wants the job's result any more. */
  cancel(job: Job<T>): void {
    if (this.#pool.onCancelled(job)) return;
    const { endpoint, dispatch } = job;
    if (endpoint !== undefined && dispatch !== undefined) this.#cancel(endpoint, dispatch);
  }

  /** A job has its result or its failure, `ms` milliseconds after it was sent. */
  onCompleted(job: Job<T>, ms: number): void {
    this.#threshold.onAnswer(ms);
    for (const other of this.#othersOf(job)) this.cancel(other);
    if (this.#copies.size > 0) this.#copies.delete(job.payload);
  }

  /** Queues copies of stragglers for slots that have nothing else to do. */
  copyStragglers(nowMs: number): void {
    const { limitMs } = this.#threshold;
    const stragglers = [...this.#pool.inFlight()]
      // One whose worker was lost may be the reason: it is not to end two at once.
      .filter((job) => job.losses === 0 && nowMs - job.sentAtMs > limitMs)
      .filter((job) => !this.#copies.has(job.payload))
      .sort((one, other) => one.sentAtMs - other.sentAtMs);
    const idle = stragglers.length > 0 ? this.#pool.idleSlots(stragglers.length) : [];
    for (const job of stragglers) {
      const at = idle.findIndex((endpoint) => endpoint !== job.endpoint);
      if (at < 0 || job.endpoint === undefined) continue;
      idle.splice(at, 1);
      this.#copies.set(job.payload, [job, this.#pool.onCopied(job, [job.endpoint], nowMs)]);
    }
  }

  #othersOf(job: Job<T>): Job<T>[] {
    if (this.#copies.size === 0) return []; // nearly always, and this is asked for every answer
    return this.#copies.get(job.payload)?.filter((copy) => copy !== job && isWanted(copy)) ?? [];
  }
}

/** Whether somebody waits for the job's result. */
export function isWanted<T>(job: Job<T>): boolean {
  return !job.isOrphan;
}

function markUnwanted<T>(job: Job<T>): void {
  job.isOrphan = true;
}

/** If there is no other endpoint, it may run even where it should not. */
function allowAnywhere<T>(job: Job<T>): void {
  job.isStrict = false;
}

function inheritLosses<T>(job: Job<T>, from: Job<T>): void {
  job.losses = Math.max(job.losses, from.losses);
}
