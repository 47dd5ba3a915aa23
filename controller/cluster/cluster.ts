/** The cluster of a run: the workers, the jobs, and the pool that assigns jobs to workers. */

import { Pool } from "../../pool/pool.ts";
import { UNANSWERED_BYTES_MAX } from "../../protocol/mod.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { Address, ByteStream, Runtime } from "../../runtime/ports.ts";
import { boundedLog } from "../../system/line_limit.ts";
import type { Log } from "../../system/log.ts";
import { refusalByBuild } from "../workers/core_builds.ts";
import type { CoreImage } from "../workers/core_image.ts";
import { RUN_WAIT_POLICY, type WorkerNeeds } from "../workers/wait_policy.ts";
import { Workers } from "../workers/workers.ts";
import { ClusterClients } from "./cluster_clients.ts";
import type { ClusterView, ViewLimits } from "./cluster_view.ts";
import { SchedulingPasses } from "./scheduling_passes.ts";
import { Endpoints } from "./endpoints.ts";
import { Jobs, LOSSES_MAX } from "./jobs.ts";
import { Nodes } from "./nodes.ts";
import { DEFAULT_POLICY, INIT_MS_DEFAULT } from "./job_policy.ts";
import type { ClusterEvents, ClusterOptions, ClusterStatus, Task } from "./cluster_types.ts";
import { VotersWatch } from "./voters_watch.ts";

export type { ClusterEvents, ClusterOptions, ClusterStatus } from "./cluster_types.ts";

/** Input bytes in flight at a worker, in addition to one job for each of its slots. */
const WORKER_BYTES_MAX = 64 * 1024 * 1024;

/** The hard limit, from protocol version 2. The margin is for payloads, which are a little larger than inputs. */
const WORKER_BYTES_LIMIT = UNANSWERED_BYTES_MAX - 1024 * 1024;

/** How often heartbeats are checked, and jobs scheduled even without an event. */
const TICK_MS = 250;

/**
 * Whether more jobs will come. `open`: more may be added. `ended`: all are queued. `stopping`: no more jobs
 * start. `closed`: the workers are disconnected.
 */
type Intake = "open" | "ended" | "stopping" | "closed";

/** The workers and jobs of a run. */
export class Cluster<T extends Task> implements Disposable {
  /** Further sources of tasks, if there are several. */
  readonly clients: ClusterClients<T>;
  readonly #clock: Clock;
  readonly #events: ClusterEvents<T>;
  readonly #log: Log;
  readonly #pool: Pool<T>;
  readonly #nodes: Nodes;
  readonly #jobs: Jobs<T>;
  readonly #workers: Workers;
  readonly #endpoints: Endpoints<T>;
  readonly #voters: VotersWatch | undefined;
  readonly #tick: Timer;
  readonly #passes: SchedulingPasses;
  /** Wakes the callers of `room`. */
  #waiting: (() => void)[] = [];
  #intake: Intake = "open";

  constructor(
    runtime: Runtime,
    core: CoreImage,
    events: ClusterEvents<T>,
    log: Log,
    options: ClusterOptions = {},
  ) {
    const { policy = DEFAULT_POLICY, verifiedPart = 0, initMs = INIT_MS_DEFAULT } = options;
    const clock = this.#clock = runtime.clock;
    this.#passes = new SchedulingPasses(clock, options.isInteractive, () => this.#schedule());
    this.#events = events;
    this.#log = boundedLog(log, clock);
    const workersMin = verifiedPart > 0 ? 2 : 1;
    const pool = this.#pool = this.#openPool();
    const nodes = this.#nodes = this.#openNodes(workersMin);
    const jobs = this.#jobs = this.#openJobs(core, options);
    if (verifiedPart > 0) this.#voters = new VotersWatch(log, jobs);
    const needs = { ...options.waitPolicy ?? RUN_WAIT_POLICY, workersMin };
    const refusalOf = refusalByBuild(core, options.refusalOf);
    const workers = this.#workers = this.#openWorkers(runtime, needs, { ...options, refusalOf });
    this.clients = new ClusterClients({
      jobs,
      isClosed: () => this.#intake === "closed",
      onEvent: () => this.#onEvent(),
      end: (isEnded) => this.end(isEnded),
    });
    const parts = { pool, nodes, jobs, workers, core, policy, initMs, clock, log: this.#log };
    this.#endpoints = new Endpoints<T>({
      ...parts,
      onEvent: () => this.#onEvent(),
      coreOutput: options.coreOutput ?? "failures",
      compression: options.compression ?? "auto",
      isInteractive: options.isInteractive ?? false,
      onPrinted: (printed) => events.onPrinted?.(printed),
    });
    this.#tick = clock.every(TICK_MS, () => this.#onTick(clock.now()));
  }

  get status(): ClusterStatus {
    return {
      ...this.#pool.counts(),
      workers: this.#endpoints.count,
      lost: this.#endpoints.lost,
      ...this.#jobs.attempts,
      loading: this.#endpoints.loading,
      awaitedVoter: this.#voters?.awaited,
    };
  }

  /** The fraction of the slots' time in which they had a job, since the first worker connected; 0 to 1. */
  get busyPart(): number {
    return this.#pool.utilization;
  }

  /** What the workers do now, and the jobs that run longest. */
  view(limits: ViewLimits): ClusterView<T> {
    return this.#endpoints.view(this.#clock.now(), limits);
  }

  // Workers.

  /** Dials a worker, and dials again whenever its connection ends. */
  dial(address: Address): void {
    this.#workers.dial(address);
  }

  /** Accepts workers that connect to this run. Returns the address with the actual port. */
  listen(address: Address): Address {
    return this.#workers.listen(address);
  }

  /** Adds a worker that is already connected. `onEnded`: of one that this process has started. */
  join(stream: ByteStream, name?: string, onEnded?: (isUnusable: boolean) => void): void {
    this.#workers.join(stream, name, onEnded);
  }

  /** A worker that was expected to `join` will not do so (again). */
  giveUp(name: string, reason: string): void {
    this.#workers.giveUp(name, reason);
  }

  /** Why no worker has joined yet; `undefined` once one has. */
  get whyNoWorker(): readonly string[] | undefined {
    return this.#workers.whyNone;
  }

  /** Has all workers load the core now, also those that connect later. */
  loadCore(): void {
    this.#endpoints.loadCores();
    this.#onEvent();
  }

  /** Pings the workers; `onAlive` follows for each. Returns how many can be pinged: not those of version 1. */
  ping(onAlive: () => void): number {
    const asked = this.#endpoints.workers.filter(({ connection }) => connection.version > 1);
    for (const { connection } of asked) connection.pingOrClose(onAlive);
    return asked.length;
  }

  /** Removes a worker that was dialed: it finishes its jobs and is not dialed again. */
  stopDialing(address: Address): void {
    this.#workers.stopDialing(address);
  }

  // Jobs.

  /** Queues a task. It ends with one `onCompleted`, unless it is canceled or the cluster is closed first. */
  add(task: T): void {
    this.#jobs.queue.add(task, this.#onEvent());
  }

  /** Whether more tasks may be added now. A closed cluster takes all, and does nothing with them. */
  get hasRoom(): boolean {
    return this.#intake === "closed" || this.#jobs.queue.hasRoom();
  }

  /** Resolves when more tasks may be added. */
  async room(): Promise<void> {
    while (!this.hasRoom) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Says whether all tasks are added. If so, the last jobs are spread so that no slot is idle. */
  end(isEnded = true): void {
    if (this.#intake === "open" || this.#intake === "ended") {
      this.#intake = isEnded ? "ended" : "open";
    }
    this.#jobs.queue.setEnded(isEnded);
    this.#onEvent();
  }

  /** Starts no more jobs and no retries. Returns how many tasks end without an answer. */
  cancelUnstarted(): number {
    if (this.#intake !== "closed") this.#intake = "stopping";
    return this.#jobs.cancelUnstarted();
  }

  /** Pauses or resumes reading answers. While reading is paused, workers have to wait. */
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
    this.#endpoints.close();
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
      dropped: () => {}, // a canceled job needs no answer
      coreUnavailable: () => {}, // a worker that cannot load the core is disconnected first
    }, {
      onLost: "retry",
      isLocal: false,
      endpointBytesMax: WORKER_BYTES_MAX,
      endpointBytesLimit: WORKER_BYTES_LIMIT,
      crashesMax: LOSSES_MAX,
    });
  }

  #openNodes(workersMin: number): Nodes {
    return new Nodes(
      {
        limit: (endpoint, jobsMax) => this.#pool.onLimited(endpoint, jobsMax),
        inFlightAt: (endpoint) => this.#pool.inFlightAt(endpoint),
        hasIdleSlot: (endpoint) => this.#pool.hasIdleSlot(endpoint),
      },
      this.#log,
      workersMin,
    );
  }

  #openJobs(core: CoreImage, options: ClusterOptions): Jobs<T> {
    return new Jobs<T>(this.#pool, this.#nodes, this.#clock, core.key, options, {
      awaitsNodes: () => this.#workers.awaitsAddress,
      isCutOff: () => this.#workers.isCutOff,
      cancel: (endpoint, dispatch) => this.#endpoints.cancel(endpoint, dispatch),
      endpointsOf: (voters) => this.#endpoints.idsOf(voters),
      onCompleted: (completion) => this.#events.onCompleted(completion),
      onOutvoted: (outvoted) => this.#endpoints.onOutvoted(outvoted),
      onDisagreement: (error) => this.#events.onDisagreement?.(error),
    });
  }

  #openWorkers(runtime: Runtime, needs: WorkerNeeds, options: ClusterOptions): Workers {
    const { memory, hugeOutputs, refusalOf } = options;
    return new Workers(runtime, this.#log, needs, {
      memory,
      hugeOutputs,
      refusalOf,
      onReady: (worker) => {
        this.#voters?.onReady(worker);
        this.#endpoints.onReady(worker);
        this.#events.onWorkerReady?.(worker);
      },
      onCoreLoaded: (worker) => {
        this.#endpoints.onCoreLoaded(worker);
        this.#events.onWorkerLoaded?.(worker);
      },
      onDraining: (...draining) => this.#endpoints.onDraining(...draining),
      onDiscarded: (worker, id) => this.#endpoints.onDiscarded(worker, id),
      onGone: (worker, departure) => {
        this.#endpoints.onGone(worker, departure);
        this.#events.onWorkerGone?.(worker, departure);
      },
      onNoneLeft: (reasons) => {
        if (needs.whenNone === "end") this.close();
        this.#events.onNoWorkerLeft(reasons);
      },
    });
  }

  #onTick(nowMs: number): void {
    this.#workers.onTick(nowMs);
    this.#endpoints.onTick(nowMs);
    this.#nodes.onTick(nowMs);
    this.#jobs.reviewFailed(true);
    // Jobs that wait for a vote may fill the queue, and then nothing else can end. Copies are no new jobs.
    if (this.#intake !== "open" || !this.hasRoom) this.#jobs.findLate(nowMs);
    this.#voters?.onTick(this.#endpoints.workers, this.#workers.expectsMore, nowMs);
    this.#onEvent();
  }

  /** Something has happened: jobs are scheduled once for all events of this turn. Returns the time. */
  #onEvent(): number {
    return this.#intake === "closed" ? this.#clock.now() : this.#passes.onEvent();
  }

  #schedule(): void {
    if (this.#intake === "closed") return;
    // With time, the pool learns of further jobs that have not begun.
    if (this.#intake === "stopping") this.#events.onCanceled?.(this.#jobs.cancelUnstarted());
    this.#jobs.reviewFailed(false);
    const nowMs = this.#clock.now();
    this.#jobs.copyLate(nowMs);
    this.#pool.schedule(nowMs);
    if (this.#waiting.length > 0 && this.hasRoom) this.#wakeWaiting();
    this.clients.onRoom();
  }

  #wakeWaiting(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
    this.clients.onRoom();
  }
}
