/** Kills the slots of jobs that must not go on: those over a limit, and those whose answer is not wanted. */

import type { DispatchId, EndpointId } from "../../pool/ids.ts";
import type { Job } from "../../pool/job.ts";
import type { Pool } from "../../pool/pool.ts";
import type { CurrentJob } from "../../pool/types.ts";
import type { FailureKindName } from "../../protocol/mod.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { ProcFiles } from "../../runtime/proc_files.ts";
import type { StoredCore } from "../cores/stored_core.ts";
import { isAnswerWanted, type RelayedJob } from "../job.ts";
import { DUMP_LATE, DUMP_LIMIT_MS, DumpingProcesses } from "./dumping_processes.ts";
import { findViolations, onCoreLoaded, peakBytes, residentBytes } from "./job_limits.ts";
import { LongFrees } from "./long_frees.ts";
import { type BusyCore, lostThread, LostThreads } from "./lost_threads.ts";
import { lastFirst } from "./returned_jobs.ts";
import { RunningTimes } from "./running_times.ts";

/** How long a canceled job may still run. Most end sooner by themselves, and replacing a process takes time. */
const CANCELED_LIMIT_MS = 200;

/** How often limits are checked. Memory can grow by gigabytes a second. */
const LIMITS_TICK_MS = 50;

/** A job that was over a limit this often is to blame, whatever else may be the reason: no job runs forever. */
const VIOLATIONS_MAX = 3;

/** Why a slot was killed. */
interface Kill {
  /** The job that is to blame; `undefined` if none is. */
  readonly job: Job<RelayedJob> | undefined;
  readonly kind: FailureKindName;
  /** Whether its process was sent other jobs as well. */
  readonly ranOthers: boolean;
}

/** A slot's process, as far as the watchdog needs it. */
export interface WatchedProcess {
  readonly transport?: { readonly outputBytes: number } | undefined;
  readonly pid: number;
  /** How many jobs it was sent. */
  readonly jobs: number;
  /** The job that it started last. */
  readonly lastStarted: DispatchId;
  /** The job that has ended, and whose output its core is freeing; 0 if there is none. */
  readonly freeing: DispatchId;
  /** Returns `false` if it has ended already, which its slot is told once its core dump is taken. */
  kill(reason: string): boolean;
}

/** What the watchdog works with. */
export interface WatchdogContext {
  readonly pool: Pool<RelayedJob>;
  readonly clock: Clock;
  readonly system: ProcFiles;
  /** The process behind an endpoint. */
  readonly processAt: (endpoint: EndpointId) => WatchedProcess | undefined;
  /** The processes that load a core, of slots and others. */
  readonly loading: () => readonly Pick<WatchedProcess, "pid" | "kill">[];
  /** How long a job whose controller has disconnected may still run. */
  readonly orphanLimitMs: number;
  /** Reports a job that has failed and has left the pool. */
  readonly onFailed: (job: Job<RelayedJob>, kind: FailureKindName, reason: string) => void;
}

/** Watches the running jobs. */
export class Watchdog {
  readonly #context: WatchdogContext;
  readonly #runningTimes = new RunningTimes();
  readonly #dumping: DumpingProcesses;
  readonly #lostThreads: LostThreads;
  readonly #longFrees = new LongFrees();
  /** The jobs in slots whose answer is not wanted, and since when that is known. */
  #unwantedSinceMs = new Map<Job<RelayedJob>, number>();
  readonly #kills = new Map<EndpointId, Kill>();
  /** How often jobs were over a limit for what may be another reason. Few ever are. */
  readonly #violations = new WeakMap<RelayedJob, number>();
  #limitsTick: Timer | undefined;

  constructor(context: WatchdogContext) {
    this.#context = context;
    this.#lostThreads = new LostThreads(context.system);
    this.#dumping = new DumpingProcesses(context.system);
  }

  /** A job was scheduled: from the first one with limits on, limits are checked. */
  onScheduled({ limits: { timeMs, memoryBytes } }: RelayedJob): void {
    if (this.#limitsTick || (timeMs === 0 && memoryBytes === 0)) return;
    const { clock } = this.#context;
    this.#limitsTick = clock.every(LIMITS_TICK_MS, () => this.checkLimits(clock.now()));
  }

  /** Kills the slots whose jobs are over a limit. */
  checkLimits(nowMs: number): void {
    const wanted = this.#currentJobs().filter(({ job }) => isAnswerWanted(job.payload));
    const timed = this.#runningTimes.update(wanted, nowMs);
    const { system } = this.#context;
    const bytesOf = (endpoint: EndpointId) => {
      const process = this.#context.processAt(endpoint);
      if (!process || process.freeing) return undefined; // what it has is not this job's
      return residentBytes(process.pid, process.transport?.outputBytes, system);
    };
    for (const { endpoint, job, kind, reason } of findViolations(timed, bytesOf, nowMs)) {
      this.#endLate(endpoint, job, kind, reason, nowMs);
    }
  }

  /** Looks at what the limits of jobs say nothing about. */
  onTick(nowMs: number): void {
    this.#checkUnwanted(nowMs);
    this.#checkThreads(nowMs);
    this.#checkFrees(nowMs);
  }

  /** Kills the slots whose cores do not finish freeing an output, while a job waits. */
  #checkFrees(nowMs: number): void {
    const freeingAt = (endpoint: EndpointId) => this.#context.processAt(endpoint)?.freeing;
    for (
      const { endpoint, reason } of this.#longFrees.among(this.#currentJobs(), freeingAt, nowMs)
    ) {
      this.#endLate(endpoint, undefined, "other", reason, nowMs);
    }
  }

  /** Kills the processes whose core has ended the thread that called it. */
  #checkThreads(nowMs: number): void {
    this.#lostThreads.end(() => this.#busyCores(), nowMs);
  }

  *#busyCores(): Iterable<BusyCore> {
    for (const process of this.#context.loading()) {
      const what = "worker_init";
      yield { pid: process.pid, what, end: () => process.kill(lostThread(what)) };
    }
    for (const { endpoint, dispatch, job, hasBegun } of this.#currentJobs()) {
      const process = this.#context.processAt(endpoint);
      if (!process || !(hasBegun || process.freeing)) continue;
      const name = hasBegun ? "worker_run_job" : "worker_free_outdata";
      const { pid } = process;
      const end = () => this.#kill(endpoint, hasBegun ? job : undefined, "crash", lostThread(name));
      yield { pid, what: `${name} ${hasBegun ? dispatch : process.freeing}`, end };
    }
  }

  /** Kills the slots that have run jobs whose answer is not wanted for too long. */
  #checkUnwanted(nowMs: number): void {
    const unwanted = this.#currentJobs().filter(({ endpoint, job }) =>
      !isAnswerWanted(job.payload) && !this.#context.processAt(endpoint)?.freeing
    );
    const known = this.#unwantedSinceMs;
    this.#unwantedSinceMs = new Map(unwanted.map(({ job }) => [job, known.get(job) ?? nowMs]));
    for (const { endpoint, job } of unwanted) {
      const isCanceled = job.payload.state.name === "canceled";
      const limitMs = isCanceled ? CANCELED_LIMIT_MS : this.#context.orphanLimitMs;
      if (nowMs - (this.#unwantedSinceMs.get(job) ?? nowMs) < limitMs) continue;
      const reason = isCanceled
        ? "killed: its job was canceled"
        : "killed: the controller of its job has disconnected";
      this.#kill(endpoint, job, "cancelled", reason);
    }
  }

  /**
   * A slot is lost, having started the job `lastStarted`. If it was killed for a job, that job fails; those
   * in flight beside it go back to the queue.
   */
  onLost(endpoint: EndpointId, reason: string, lastStarted: DispatchId, nowMs: number): void {
    const kill = this.#kills.get(endpoint);
    if (!kill) return;
    this.#kills.delete(endpoint);
    const { pool, onFailed } = this.#context;
    for (const { job, dispatch } of lastFirst(pool, endpoint)) {
      const isCulprit = job === kill.job && this.#judge(job, kill, lastStarted > dispatch);
      if (!isCulprit) {
        pool.onReturned(endpoint, dispatch, nowMs);
      } else {
        pool.onAnswer(endpoint, dispatch, nowMs);
        onFailed(job, kill.kind, reason);
      }
    }
  }

  /** A slot loads a core, in a fresh process if need be: it is not killed for a job any more. */
  onLoad(endpoint: EndpointId): void {
    this.#kills.delete(endpoint);
  }

  /** A slot has loaded a core, and has run no job since. */
  onLoaded(endpoint: EndpointId, core: StoredCore): void {
    const process = this.#context.processAt(endpoint);
    if (process) onCoreLoaded(core, process, this.#context.system);
  }

  close(): void {
    this.#limitsTick?.stop();
  }

  /**
   * A job may have ended by itself at the very moment of the kill, with its answer lost: then its slot, which
   * runs jobs in order, has started a later one. And the memory may have been leaked by earlier jobs. In both
   * cases the job runs again in another process, and that is counted. Returns whether the job fails.
   */
  #judge(job: Job<RelayedJob>, { kind, ranOthers }: Kill, hadEnded: boolean): boolean {
    if (!hadEnded && (kind !== "memory" || !ranOthers)) return true;
    const violations = 1 + (this.#violations.get(job.payload) ?? 0);
    this.#violations.set(job.payload, violations);
    return violations >= VIOLATIONS_MAX;
  }

  /** The job that each busy slot is at: it runs, its input is still being handed over, or it has ended just now. */
  #currentJobs(): CurrentJob<RelayedJob>[] {
    const { pool, processAt } = this.#context;
    return pool.currentJobs((endpoint) => {
      const process = processAt(endpoint);
      return process && !process.freeing ? process.lastStarted : undefined;
    });
  }

  /** Kills a slot that is over a limit. One that has crashed ends by itself, when its core dump is written. */
  #endLate(
    endpoint: EndpointId,
    job: Job<RelayedJob> | undefined,
    kind: FailureKindName,
    reason: string,
    nowMs: number,
  ): void {
    const process = this.#context.processAt(endpoint);
    const dumpingMs = process && this.#dumping.msOf(process, nowMs);
    if (dumpingMs === undefined) this.#kill(endpoint, job, kind, reason);
    else if (dumpingMs > DUMP_LIMIT_MS) this.#kill(endpoint, job, "crash", DUMP_LATE);
  }

  #kill(
    endpoint: EndpointId,
    job: Job<RelayedJob> | undefined,
    kind: FailureKindName,
    reason: string,
  ): void {
    const process = this.#context.processAt(endpoint);
    if (!process || this.#kills.has(endpoint)) return;
    const peak = job && peakBytes(process.pid, this.#context.system);
    if (!process.kill(reason)) return;
    this.#kills.set(endpoint, { job, kind, ranOthers: process.jobs > 1 });
    if (job) job.payload.peakBytes = peak;
  }
}
