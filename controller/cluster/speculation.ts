/**
 * Speculative execution: near the end of a run, idle slots run further copies of stragglers. The first result
 * counts, and the other copies are canceled. A worker may also lie about its slots and never answer, so that no job
 * waits for a single worker, or for two, without end.
 */

import type { Pool } from "../../pool/pool.ts";
import type { DispatchId, EndpointId } from "../../pool/ids.ts";
import type { Job } from "../../pool/job.ts";
import type { CopyCounts } from "./copy_counts.ts";
import { StragglerThreshold } from "./straggler_threshold.ts";

/**
 * Before the first answer, nobody knows how long a job takes, or whether a worker ever answers. Then idle slots try
 * a single job of each worker: if that ends first, its time is known.
 */
const UNKNOWN_MS = 10_000;

/** A job that was on a lost worker may have caused that. A copy, which could cost a second worker, has to wait. */
const SUSPECT_MS = 120_000;

/**
 * If all other copies have failed and there is no other worker, the last copy has at least this much time. After the
 * longer time it does not count any more, if the others have failed on several workers.
 */
const STUCK_MS = 60_000;
const STUCK_LONG_MS = 600_000;

/** A job that has certainly not begun after this time runs on an idle slot as well. */
const UNSTARTED_MS = 1_000;

/**
 * A job is late, and there is no other worker for it. `isSilent`: its worker has never answered. `isLong`: it has had
 * much time. If it has failed elsewhere, that may be its end.
 */
export type OnStuck<T> = (job: Job<T>, isSilent: boolean, isLong: boolean) => void;

/** Tells a worker that a job is canceled. */
export type Cancel = (endpoint: EndpointId, dispatch: DispatchId) => void;

/** A job that was copied. */
interface Copied<T> {
  /** All its copies, the latest last. */
  readonly copies: readonly Job<T>[];
  /** Where copies have run, apart from where they run now. */
  readonly triedAt: readonly EndpointId[];
}

/** The copies of one pool's jobs. */
export class Speculation<T> {
  readonly #pool: Pool<T>;
  readonly #cancel: Cancel;
  readonly #onStuck: OnStuck<T>;
  /** Where a job must not run that has exceeded a limit. */
  readonly #unfitFor: (task: T) => readonly EndpointId[];
  readonly #threshold = new StragglerThreshold();
  /** The copied jobs, by their payload. */
  readonly #copied = new Map<T, Copied<T>>();
  /** Jobs that `findLate` has found, and that are not copied yet, the oldest first. */
  #late: readonly Job<T>[] = [];
  #started = 0;
  #won = 0;

  constructor(
    pool: Pool<T>,
    cancel: Cancel,
    onStuck: OnStuck<T>,
    unfitFor: (task: T) => readonly EndpointId[],
  ) {
    this.#pool = pool;
    this.#cancel = cancel;
    this.#onStuck = onStuck;
    this.#unfitFor = unfitFor;
  }

  get counts(): CopyCounts {
    let running = 0;
    for (const { copies } of this.#copied.values()) {
      const inSlots = copies.filter((copy) =>
        this.#pool.isWanted(copy) && this.#pool.isInFlight(copy)
      );
      running += Math.max(0, inSlots.length - 1);
    }
    return { started: this.#started, won: this.#won, running };
  }

  /** Whether another copy of the job may still give a result. */
  hasOther(job: Job<T>): boolean {
    return this.#othersOf(job).length > 0;
  }

  /** A copy has failed. Returns whether another copy still decides the job; that one may then run on any worker. */
  onFailed(job: Job<T>): boolean {
    const others = this.#othersOf(job);
    if (others.length === 0) return false;
    const failedAt = job.state === "outside" && job.endpoint !== undefined ? [job.endpoint] : [];
    const { copies = [], triedAt = [] } = this.#copied.get(job.payload) ?? {};
    this.#copied.set(job.payload, { copies, triedAt: [...triedAt, ...failedAt] });
    this.#pool.onCanceled(job);
    for (const other of others) this.#pool.onAllowedAnywhere(other);
    return true;
  }

  /** An endpoint is lost, and its jobs are queued again. Drops those that still run elsewhere as a copy. */
  onEndpointLost(): void {
    for (const [payload, { copies, triedAt }] of this.#copied) {
      const wanted = copies.filter((copy) => this.#pool.isWanted(copy));
      const queued = wanted.findLast((copy) => !this.#pool.isInFlight(copy));
      if (!queued || wanted.length < 2) continue;
      const others = wanted.filter((copy) => copy !== queued);
      this.#pool.onCopyDropped(queued, others);
      if (others.length > 1) this.#copied.set(payload, { copies: others, triedAt });
      else this.#copied.delete(payload);
    }
  }

  /** Cancels a job whose result is no longer needed. */
  cancel(job: Job<T>): void {
    this.#pool.onCanceled(job);
    const at = this.#pool.locate(job);
    if (at) this.#cancel(at.endpoint, at.dispatch);
  }

  /** How often a job was sent, with all its copies. */
  sentOf(job: Job<T>): number {
    if (this.#copied.size === 0) return job.attempt; // the usual case
    const { copies = [job] } = this.#copied.get(job.payload) ?? {};
    return Math.max(...copies.map(({ attempt }) => attempt)); // each is a copy of the one before
  }

  /** A job has ended, `ms` milliseconds after it was sent. */
  onCompleted(job: Job<T>, ms: number): void {
    this.#threshold.onAnswer(ms);
    if (this.#copied.size === 0) return; // nearly always
    if ((this.#copied.get(job.payload)?.copies.indexOf(job) ?? 0) > 0) this.#won += 1;
    this.cancelOthers(job);
  }

  /** A copy has given a result, so that the others are not needed. */
  cancelOthers(job: Job<T>): void {
    for (const other of this.#othersOf(job)) this.cancel(other);
    this.#copied.delete(job.payload);
  }

  /** Finds stragglers, and jobs that have not begun. `copyLate` copies them. */
  findLate(nowMs: number): void {
    this.#dropUnsent(nowMs);
    const unstarted = new Set(this.#pool.unstarted(nowMs));
    const { limitMs } = this.#threshold; // asked once: it sorts, and there may be thousands of jobs
    const waitedMs = Math.min(UNSTARTED_MS, limitMs);
    const late = [...this.#pool.sentBefore(nowMs - waitedMs)]
      .filter((job) => this.#isLate(job, unstarted.has(job), limitMs, nowMs))
      .sort((one, other) => one.sentAtMs - other.sentAtMs);
    this.#late = limitMs < Infinity ? late : this.#firstOfEach(late, unstarted);
    this.#reportStuck(nowMs);
    // A worker that has had no job has not loaded the core yet.
    const [job] = this.#late;
    const [empty] = job ? this.#pool.emptyEndpoints() : [];
    if (job && empty !== undefined) this.#pool.load(empty, job.core);
  }

  /** Queues copies of the jobs that were found last, as far as slots are idle. Call it whenever slots may be idle. */
  copyLate(nowMs: number): void {
    if (this.#late.length === 0) return;
    const idle = this.#pool.idleSlots(this.#late.length);
    if (idle.length === 0) return;
    const answering = this.#pool.answering();
    const unanswering = this.#pool.unanswering();
    this.#late = this.#late.filter((job) => {
      if (idle.length === 0) return true; // there may be many more jobs, and each takes microseconds
      if (!this.#pool.isWanted(job) || !this.#pool.isInFlight(job)) return false;
      const avoided = this.#avoidedBy(job, answering, unanswering);
      const at = idle.findIndex((endpoint) => !avoided.includes(endpoint));
      if (at < 0) return true;
      // A worker that has had no job gets one copy, to see whether it answers.
      unanswering.push(...idle.splice(at, 1).filter((chosen) => !answering.includes(chosen)));
      this.#copy(job, avoided, nowMs);
      return false;
    });
  }

  #reportStuck(nowMs: number): void {
    if (this.#late.length === 0) return;
    const ready = this.#pool.ready();
    const unanswering = this.#pool.unanswering();
    for (const job of this.#late) {
      const waitedMs = nowMs - job.sentAtMs;
      if (waitedMs < STUCK_MS) continue;
      const avoided = this.#avoidedBy(job, [], []);
      if (!ready.every((endpoint) => avoided.includes(endpoint))) continue;
      const endpoint = this.#pool.locate(job)?.endpoint;
      const isSilent = endpoint !== undefined && unanswering.includes(endpoint);
      this.#onStuck(job, isSilent, waitedMs >= STUCK_LONG_MS);
    }
  }

  /** A copy that finds no worker any more is dropped, so that there may be another one, for other workers. */
  #dropUnsent(nowMs: number): void {
    for (const [payload, { copies, triedAt }] of this.#copied) {
      const last = copies.at(-1);
      if (last?.state !== "queued" || nowMs - last.queuedAtMs < UNKNOWN_MS) continue;
      const others = copies.slice(0, -1).filter((copy) => this.#pool.isInFlight(copy));
      if (!others.some((copy) => this.#pool.isWanted(copy))) continue;
      this.#pool.onCanceled(last);
      this.#copied.set(payload, { copies: copies.slice(0, -1), triedAt });
    }
  }

  /** Whether the job should run elsewhere as well. Of several copies, only the latest one is asked. */
  #isLate(job: Job<T>, isUnstarted: boolean, limitMs: number, nowMs: number): boolean {
    const copies = this.#wantedOf(job);
    if (copies.length > 0 && copies.at(-1) !== job) return false;
    const waitedMs = nowMs - job.sentAtMs;
    if (isUnstarted && copies.length === 0) return waitedMs > UNSTARTED_MS;
    const knownMs = limitMs === Infinity ? UNKNOWN_MS : limitMs;
    const suspectMs = job.crashCount > 0 ? SUSPECT_MS : 0;
    // Each copy has twice as long as the one before: a job that really takes long must not run everywhere. The wait of
    // a suspect job does not grow: meanwhile it has cost no other worker.
    return waitedMs > Math.max(knownMs * 2 ** Math.max(0, copies.length - 1), suspectMs);
  }

  /** One job of each endpoint without a copy of any of its jobs, and all that are known not to have begun. */
  #firstOfEach(jobs: readonly Job<T>[], unstarted: ReadonlySet<Job<T>>): Job<T>[] {
    const tried = new Set<EndpointId | undefined>();
    for (const { copies } of this.#copied.values()) {
      for (const copy of copies.slice(0, -1)) tried.add(this.#pool.locate(copy)?.endpoint);
    }
    return jobs.filter((job) => {
      // If it has a copy, that one is late, too.
      if (unstarted.has(job) || this.#copied.has(job.payload)) return true;
      const endpoint = this.#pool.locate(job)?.endpoint;
      if (tried.has(endpoint)) return false;
      tried.add(endpoint);
      return true;
    });
  }

  /**
   * Where a further copy of the job must not run: where it runs, has failed, or might never end. If there is a worker
   * that has answered before, also on those that have jobs and have not: they may be others that never do.
   */
  #avoidedBy(
    job: Job<T>,
    answering: readonly EndpointId[],
    unanswering: readonly EndpointId[],
  ): EndpointId[] {
    const { copies = [job], triedAt = [] } = this.#copied.get(job.payload) ?? {};
    const runsAt = copies.flatMap((copy) => this.#pool.locate(copy)?.endpoint ?? []);
    const unfit = this.#unfitFor(job.payload);
    const avoided = new Set([...runsAt, ...triedAt, ...unfit, ...job.antiAffinity.endpoints]);
    const mayWait = answering.some((id) => !avoided.has(id));
    return mayWait ? [...new Set([...avoided, ...unanswering])] : [...avoided];
  }

  #copy(job: Job<T>, avoided: readonly EndpointId[], nowMs: number): void {
    const { copies = [job], triedAt = [] } = this.#copied.get(job.payload) ?? {};
    const copy = this.#pool.onCopied(job, avoided, nowMs);
    this.#started += 1;
    this.#copied.set(job.payload, { copies: [...copies, copy], triedAt });
  }

  /** The copies of a copied job that may still give a result. */
  #wantedOf({ payload }: Job<T>): Job<T>[] {
    if (this.#copied.size === 0) return []; // the usual case
    const { copies = [] } = this.#copied.get(payload) ?? {};
    return copies.filter((copy) => this.#pool.isWanted(copy));
  }

  #othersOf(job: Job<T>): Job<T>[] {
    return this.#wantedOf(job).filter((copy) => copy !== job);
  }
}
