/** Ends the slots of jobs that must not run on: over a limit, or wanted by nobody. */

import type { CurrentJob, Pool } from "../../pool/pool.ts";
import type { DispatchId, EndpointId, Job } from "../../pool/types.ts";
import type { FailureKindName } from "../../protocol/mod.ts";
import type { RelayedJob } from "../controllers/connection.ts";
import { excesses } from "./limits.ts";
import { RunTimes } from "./run_times.ts";
import type { Slots } from "./slots.ts";

/** A job that its controller has taken back gets this long: most end by themselves, and a slot takes longer. */
const CANCELLED_LIMIT_MS = 200;

/** How often limits of jobs are looked at. Memory can grow by gigabytes a second. */
const LIMITS_TICK_MS = 50;

/** A job that was over a limit so often is to blame, whatever speaks for it. So no job runs for ever. */
const TIMES_OVER_MAX = 3;

/** A slot that was ended because of a job. */
interface Ended {
  readonly job: Job<RelayedJob>;
  readonly kind: FailureKindName;
  /** Its process had run other jobs before. */
  readonly ranOthers: boolean;
}

/** What it needs of the slots. */
export type WatchedSlots = Pick<Slots, "pidOf" | "jobsAt" | "begunLast" | "kill">;

/** Looks at the jobs that run; its owner says when, and which process has ended. */
export class JobWatch {
  readonly #pool: Pool<RelayedJob>;
  readonly #slots: WatchedSlots;
  readonly #runTimes = new RunTimes();
  readonly #orphanLimitMs: number;
  readonly #fail: (job: Job<RelayedJob>, kind: FailureKindName, reason: string) => void;
  /** Slots that compute for nobody, and since when. */
  readonly #orphanedSinceMs = new Map<EndpointId, number>();
  /** Slots that were ended because of a job, and what is wrong with it. */
  readonly #endedFor = new Map<EndpointId, Ended>();
  /** Runs once there was a job with limits. */
  #limitsTick: ReturnType<typeof setInterval> | undefined;

  /** `orphanLimitMs`: how long jobs of a controller that is gone may run. */
  constructor(
    pool: Pool<RelayedJob>,
    slots: WatchedSlots,
    orphanLimitMs: number,
    fail: (job: Job<RelayedJob>, kind: FailureKindName, reason: string) => void,
  ) {
    this.#pool = pool;
    this.#slots = slots;
    this.#orphanLimitMs = orphanLimitMs;
    this.#fail = fail;
  }

  /** There is a job with limits. */
  watchLimits(): void {
    this.#limitsTick ??= setInterval(() => this.endExcessive(performance.now()), LIMITS_TICK_MS);
  }

  /** Ends the slots whose jobs are over a limit. */
  endExcessive(nowMs: number): void {
    const wanted = this.#currentJobs().filter(({ job }) => this.#pool.isWanted(job));
    const timed = this.#runTimes.look(wanted, nowMs);
    const found = excesses(timed, (id) => this.#slots.pidOf(id), nowMs);
    for (const { endpoint, job, kind, reason } of found) this.#end(endpoint, job, kind, reason);
  }

  /** Ends the slots that have computed for nobody for too long: others may want them. */
  endOrphaned(nowMs: number): void {
    const orphaned = this.#currentJobs().filter(({ job }) => !this.#pool.isWanted(job));
    for (const endpoint of this.#orphanedSinceMs.keys()) {
      if (!orphaned.some((head) => head.endpoint === endpoint)) {
        this.#orphanedSinceMs.delete(endpoint);
      }
    }
    for (const { endpoint, job } of orphaned) {
      const limitMs = job.payload.isCancelled ? CANCELLED_LIMIT_MS : this.#orphanLimitMs;
      const sinceMs = this.#orphanedSinceMs.get(endpoint) ?? nowMs;
      this.#orphanedSinceMs.set(endpoint, sinceMs);
      if (nowMs - sinceMs < limitMs) continue;
      this.#end(endpoint, job, "cancelled", "was ended: nobody wants the result of its job");
    }
  }

  /**
   * A slot's process has ended, having begun the job `begunLast`. If it was ended because of a job, that
   * one fails, and those beside it have nothing to do with it.
   */
  onLost(endpoint: EndpointId, reason: string, begunLast: DispatchId): void {
    const ended = this.#endedFor.get(endpoint);
    if (!ended) return;
    this.#endedFor.delete(endpoint);
    const nowMs = performance.now();
    for (const job of this.#pool.jobsAt(endpoint).reverse()) {
      const { dispatch } = this.#pool.locate(job) as { dispatch: DispatchId };
      if (job !== ended.job || !this.#isToBlame(ended, dispatch, begunLast)) {
        this.#pool.onReturned(endpoint, dispatch, nowMs);
      } else {
        this.#pool.onAnswer(endpoint, dispatch, nowMs);
        this.#fail(job, ended.kind, reason);
      }
    }
  }

  /**
   * A job may have ended by itself in the very moment, its answer lost: then a slot that runs its jobs in
   * turn has begun a later one. And memory may be what other jobs have left in the process. Then the job
   * gets another one, to be seen in.
   */
  #isToBlame(
    { job, kind, ranOthers }: Ended,
    dispatch: DispatchId,
    begunLast: DispatchId,
  ): boolean {
    const hadEnded = begunLast > dispatch;
    if (!hadEnded && (kind !== "memory" || !ranOthers)) return true;
    job.payload.timesOver += 1;
    return job.payload.timesOver >= TIMES_OVER_MAX;
  }

  /** A slot gets another process. If the one before was ended when it had just done its job, that is past. */
  onReplaced(endpoint: EndpointId): void {
    this.#endedFor.delete(endpoint);
  }

  close(): void {
    clearInterval(this.#limitsTick);
  }

  /** The jobs that slots are at: those that run, or are being handed in. */
  #currentJobs(): CurrentJob<RelayedJob>[] {
    return this.#pool.currentJobs((endpoint) => this.#slots.begunLast(endpoint));
  }

  #end(
    endpoint: EndpointId,
    job: Job<RelayedJob>,
    kind: FailureKindName,
    reason: string,
  ): void {
    if (this.#endedFor.has(endpoint)) return;
    this.#endedFor.set(endpoint, { job, kind, ranOthers: this.#slots.jobsAt(endpoint) > 1 });
    this.#slots.kill(endpoint, reason);
  }
}
