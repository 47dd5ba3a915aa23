/** A set of workers that share the jobs of one run: the pool, the jobs and the workers put together. */

import { Pool } from "../../pool/pool.ts";
import { UNANSWERED_BYTES_MAX } from "../../protocol/mod.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { Address, ByteStream, Runtime } from "../../runtime/ports.ts";
import type { Log } from "../../system/log.ts";
import type { CoreImage } from "../workers/core_image.ts";
import { Workers } from "../workers/workers.ts";
import { Endpoints } from "./endpoints.ts";
import { Jobs, LOSSES_MAX } from "./jobs.ts";
import { DEFAULT_POLICY } from "./retries.ts";
import type { ClusterEvents, ClusterOptions, ClusterStatus, Task } from "./task.ts";

export type { ClusterEvents, ClusterOptions, ClusterStatus } from "./task.ts";

/** Input bytes in flight at a worker, beyond one job for each of its slots. */
const WORKER_BYTES_MAX = 64 * 1024 * 1024;

/** Never more than this: version 2 allows no more, and a payload is a little larger than its input. */
const WORKER_BYTES_LIMIT = UNANSWERED_BYTES_MAX - 1024 * 1024;

/** How often heartbeats are checked, and jobs scheduled even though nothing has happened. */
const TICK_MS = 250;

/**
 * Which jobs are still to come. `open`: more may be added. `ended`: all are queued. `stopping`: no job is to
 * start any more. `closed`: the workers are disconnected.
 */
type Intake = "open" | "ended" | "stopping" | "closed";

/** The workers of a run, and its jobs. */
export class Cluster<T extends Task> implements Disposable {
  readonly #clock: Clock;
  readonly #events: ClusterEvents<T>;
  readonly #log: Log;
  readonly #pool: Pool<T>;
  readonly #jobs: Jobs<T>;
  readonly #workers: Workers;
  readonly #endpoints: Endpoints<T>;
  readonly #tick: Timer;
  /** Callers of `room`. */
  #waiting: (() => void)[] = [];
  #intake: Intake = "open";
  #isScheduled = false;

  constructor(
    runtime: Runtime,
    core: CoreImage,
    events: ClusterEvents<T>,
    log: Log,
    options: ClusterOptions = {},
  ) {
    const { clock } = runtime;
    const { policy = DEFAULT_POLICY, verifiedPart = 0 } = options;
    this.#clock = clock;
    this.#events = events;
    this.#log = log;
    const pool = this.#pool = this.#openPool();
    const jobs = this.#jobs = this.#openJobs(core, options);
    const workers = this.#workers = this.#openWorkers(runtime, verifiedPart > 0 ? 2 : 1);
    const wake = () => this.#wake();
    this.#endpoints = new Endpoints<T>({ pool, jobs, workers, core, policy, clock, log, wake });
    this.#tick = clock.every(TICK_MS, () => this.#onTick(clock.now()));
  }

  get status(): ClusterStatus {
    return {
      ...this.#pool.counts(),
      workers: this.#endpoints.count,
      faults: this.#jobs.faults,
    };
  }

  /** The part of the slots' time in which they had a job, from the first worker on; 0 to 1. */
  get busyPart(): number {
    return this.#pool.utilization;
  }

  // Workers.

  /** Dials a worker, and dials again when it is gone. */
  dial(address: Address): void {
    this.#workers.dial(address);
  }

  /** Accepts workers that connect to us. Returns where. */
  listen(address: Address): Address {
    return this.#workers.listen(address);
  }

  /** Takes a worker that is connected already. `isLocal`: this process has started it. */
  join(stream: ByteStream, name?: string, isLocal?: boolean): void {
    this.#workers.join(stream, name, isLocal);
  }

  /** A worker that was to be handed in will not come (again). */
  giveUp(name: string, reason: string): void {
    this.#workers.giveUp(name, reason);
  }

  /** Stops dialing a worker. It finishes the jobs that it has. */
  leave(address: Address): void {
    this.#workers.leave(address);
  }

  // Jobs.

  /** Queues a task. It ends in exactly one `onCompleted`, unless it is canceled or the cluster closed before. */
  add(task: T): void {
    this.#jobs.add(task);
    this.#wake();
  }

  /** Whether more tasks may be added now. A closed cluster takes all, and does nothing with them. */
  get hasRoom(): boolean {
    return this.#intake === "closed" || this.#jobs.hasRoom;
  }

  /** Resolves when more tasks may be added. */
  async room(): Promise<void> {
    while (!this.hasRoom) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Says whether all tasks are added. Near the end, jobs are spread so that no slot is idle. */
  end(isEnded = true): void {
    if (this.#intake === "open" || this.#intake === "ended") {
      this.#intake = isEnded ? "ended" : "open";
    }
    this.#jobs.setEnded(isEnded);
    this.#wake();
  }

  /** Starts no more jobs, and retries none. Returns how many tasks end without an answer. */
  cancelUnstarted(): number {
    if (this.#intake !== "closed") this.#intake = "stopping";
    return this.#jobs.cancelUnstarted();
  }

  /** Stops reading answers, so that workers have to wait, or reads on. */
  pause(isPaused: boolean): void {
    this.#endpoints.onPaused(isPaused);
    this.#workers.pause(isPaused);
  }

  /** Throws if the pool's state is inconsistent. For tests. */
  audit(): void {
    this.#pool.audit();
  }

  /** Disconnects all workers. */
  close(): void {
    this.#intake = "closed";
    this.#tick.stop();
    this.#workers.close();
    this.#wakeWaiting();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #openPool(): Pool<T> {
    return new Pool<T>({
      load: (endpoint) => this.#endpoints.loadCore(endpoint),
      send: (endpoint, dispatch, job) => this.#endpoints.send(endpoint, dispatch, job),
      crashed: (job, reason) => this.#jobs.onCrashed(job, reason),
      dropped: () => {}, // nobody waits for such a job
      coreUnavailable: () => {}, // a worker that cannot load the core is disconnected before
    }, {
      onLost: "retry",
      isLocal: false,
      endpointBytesMax: WORKER_BYTES_MAX,
      endpointBytesLimit: WORKER_BYTES_LIMIT,
      crashesMax: LOSSES_MAX,
    });
  }

  #openJobs(core: CoreImage, options: ClusterOptions): Jobs<T> {
    return new Jobs<T>(this.#pool, this.#clock, core.key, options, {
      cancel: (endpoint, dispatch) => this.#endpoints.cancel(endpoint, dispatch),
      endpointsOf: (instances) => this.#endpoints.idsOf(instances),
      onCompleted: (completion) => this.#events.onCompleted(completion),
      onOutvoted: (...vote) => this.#endpoints.onOutvoted(...vote),
      onDisagreement: (error) => this.#events.onDisagreement?.(error),
    });
  }

  #openWorkers(runtime: Runtime, workersMin: number): Workers {
    return new Workers(runtime, this.#log, workersMin, {
      onReady: (worker) => this.#endpoints.onReady(worker),
      onCoreLoaded: (worker) => this.#endpoints.onCoreLoaded(worker),
      onDraining: (worker) => this.#endpoints.onDraining(worker),
      onGone: (worker, departure) => this.#endpoints.onGone(worker, departure),
      onNoneLeft: (reasons) => {
        this.close();
        this.#events.onNoWorkerLeft(reasons);
      },
    });
  }

  #onTick(nowMs: number): void {
    this.#workers.onTick(nowMs);
    this.#endpoints.onTick(nowMs);
    if (this.#intake === "ended") this.#jobs.speculate(nowMs);
    if (!this.#workers.expectsMore) this.#jobs.endTies(this.#endpoints.instances);
    this.#wake();
  }

  /** Schedules jobs once for all that happens in this turn of the event loop. */
  #wake(): void {
    if (this.#isScheduled || this.#intake === "closed") return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      if (this.#intake !== "closed") this.#schedule();
    });
  }

  #schedule(): void {
    // More jobs turn out not to have begun as time goes on.
    if (this.#intake === "stopping") this.#events.onCanceled?.(this.#jobs.cancelUnstarted());
    this.#pool.schedule(this.#clock.now());
    if (this.#waiting.length > 0 && this.hasRoom) this.#wakeWaiting();
  }

  #wakeWaiting(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
