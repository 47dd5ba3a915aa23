/** The worker: one process a machine, which takes jobs from controllers and has its slots run them. */

import { randomBytes } from "node:crypto";
import os from "node:os";
import process from "node:process";
import { inspectCore, reasonNotToLoad } from "../core/inspect.ts";
import type { ClientId, CoreKey, DispatchId, EndpointId, Job } from "../pool/types.ts";
import { Pool } from "../pool/pool.ts";
import {
  CONTROLLER_SILENT_MS_MAX,
  type FailureKindName,
  type Frame,
  INSTANCE_BYTES,
  type WorkerDescription,
  type WorkerLoad,
} from "../protocol/mod.ts";
import { host } from "../system/host.ts";
import { type Log, silentLog } from "../system/log.ts";
import type { Clock } from "../runtime/clock.ts";
import { type ByteStream, CoreLoadError, type Runtime } from "../runtime/ports.ts";
import {
  Connection,
  type ConnectionHost,
  HALF_CLOSED_MS,
  type RelayedJob,
} from "./controllers/connection.ts";
import { CoreStore, type OfferedCore, type StoredCore } from "./cores/core_store.ts";
import { CoreTries } from "./cores/core_tries.ts";
import { JobWatch } from "./slots/job_watch.ts";
import { Launcher } from "./slots/launcher.ts";
import { Slots, type SlotsEvents } from "./slots/slots.ts";
import type { Semaphore } from "./cores/semaphore.ts";

/** `worker_init` may read a model or wake a GPU. What takes longer has gone wrong. */
const CORE_LOAD_LIMIT_MS = 120_000;

/** Jobs of a controller that is gone may finish within this time; then their slots are needed again. */
const ORPHAN_LIMIT_MS = 5_000;

/** How often the scheduler looks again although nothing has happened: for what only time changes. */
const TICK_MS = 250;

/** Input bytes in flight at a slot, beyond the job that it runs. */
const SLOT_BYTES_MAX = 4 * 1024 * 1024;

/** How a worker is set up. */
export interface WorkerOptions {
  /** Jobs that run at once, each in a process of its own. */
  readonly slots: number;
  /** Where it says what happens; nowhere unless given. */
  readonly log?: Log;
  /** Where it makes a folder for its cores and sockets; in `TMPDIR` unless given. */
  readonly folder?: string;
  /** What it calls itself, with its version; `distcomp` unless given. */
  readonly software?: string;
  /** Largest payload that it takes from a controller; 1 GiB unless given. */
  readonly payloadBytesMax?: number;
  /** How long a core may take to load; 2 minutes unless given. */
  readonly coreLoadLimitMs?: number;
  /** How long a controller that has ended its sending side still gets answers; 30 seconds unless given. */
  readonly halfClosedMs?: number;
  /** How long a controller of version 2 may say nothing; a minute unless given. */
  readonly controllerSilentMsMax?: number;
  /** How long jobs of a controller that is gone may still run; 5 seconds unless given. */
  readonly orphanLimitMs?: number;
  /** How long a slot's process that was killed may take to be gone; 10 seconds unless given. */
  readonly goneLimitMs?: number;
}

/** A worker. Give it connections with `serve`; end it with `drain` or `close`. */
export class Worker implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #options: WorkerOptions;
  readonly #log: Log;
  readonly #host: Launcher;
  readonly #store: CoreStore;
  readonly #slots: Slots;
  readonly #pool: Pool<RelayedJob>;
  readonly #tries: CoreTries;
  readonly #watch: JobWatch;
  readonly #connections = new Map<ClientId, Connection>();
  readonly #closedWaiters = new Map<ClientId, () => void>();
  readonly #instance = randomBytes(INSTANCE_BYTES).toString("hex");
  readonly #tick: ReturnType<typeof setInterval>;
  /** What has become of the slot that was lost last. */
  #lossKind: FailureKindName = "crash";
  #drained: Promise<void> | undefined;
  #isScheduled = false;
  #idle: (() => void) | undefined;

  private constructor(host: Launcher, clock: Clock, options: WorkerOptions) {
    this.#clock = clock;
    this.#options = options;
    this.#log = options.log ?? silentLog;
    this.#host = host;
    this.#store = new CoreStore(host.directory);
    this.#slots = new Slots(host, this.#slotsEvents(), {
      count: options.slots,
      coreLoadLimitMs: options.coreLoadLimitMs ?? CORE_LOAD_LIMIT_MS,
      log: this.#log,
    });
    this.#pool = new Pool<RelayedJob>({
      load: (endpoint, core) => this.#load(endpoint, core),
      send: (endpoint, dispatch, job) => this.#slots.send(endpoint, dispatch, job.payload.payload),
      crashed: (job, reason) => this.#fail(job, this.#lossKind, reason),
      dropped: (job) => this.#releaseCore(job.core),
      coreUnavailable: (job, reason) => this.#fail(job, "core", reason),
    }, { onLost: "isolate", isLocal: true, endpointBytesMax: SLOT_BYTES_MAX });
    this.#tries = new CoreTries(this.#pool, this.#slots);
    this.#watch = new JobWatch(
      this.#pool,
      this.#slots,
      options.orphanLimitMs ?? ORPHAN_LIMIT_MS,
      (job, kind, reason) => this.#fail(job, kind, reason),
    );
    this.#tick = setInterval(() => this.#onTick(), TICK_MS);
  }

  /** Starts a worker and its slots. It needs no connection for that, and loads no core itself, ever. */
  static async start(runtime: Runtime, options: WorkerOptions): Promise<Worker> {
    const { folder: parent, goneLimitMs, log } = options;
    const host = await Launcher.open(runtime, { parent, goneLimitMs, log });
    const worker = new Worker(host, runtime.clock, options);
    worker.#slots.start();
    return worker;
  }

  /** Serves a controller until the connection ends. */
  serve(stream: ByteStream): Promise<void> {
    if (this.#drained) {
      stream.close();
      return Promise.resolve();
    }
    const client = this.#pool.onClientUp();
    const connection = new Connection(
      this.#connectionHost,
      stream,
      client,
      {
        clock: this.#clock,
        payloadBytesMax: this.#options.payloadBytesMax,
        halfClosedMs: this.#options.halfClosedMs ?? HALF_CLOSED_MS,
        silentMsMax: this.#options.controllerSilentMsMax ?? CONTROLLER_SILENT_MS_MAX,
      },
    );
    this.#connections.set(client, connection);
    this.#log.info(`controller ${connection.peer} connected`);
    return new Promise((resolve) => {
      this.#closedWaiters.set(client, resolve);
      connection.start();
    });
  }

  /** Finishes the jobs that run, answers them, unloads the cores, and ends. */
  drain(): Promise<void> {
    return this.#drained ??= this.#drain();
  }

  async #drain(): Promise<void> {
    for (const connection of this.#connections.values()) connection.drain();
    this.#refuseQueued();
    if (this.#hasJobs) {
      await new Promise<void>((resolve) => this.#idle = resolve);
    }
    this.#refuseQueued();
    await Promise.all([...this.#connections.values()].map((connection) => connection.end()));
    await this.close();
  }

  #refuseQueued(): void {
    for (const connection of this.#connections.values()) {
      for (const job of this.#pool.onQueueCanceled(connection.client)) {
        connection.refuse(job.payload);
        this.#releaseCore(job.core);
      }
    }
  }

  /**
   * When nothing is started any more, what is queued has begun before, on a slot that was lost. It runs
   * again, unless no slot will ever take it.
   */
  get #hasJobs(): boolean {
    const { queued, inFlight } = this.#pool.counts();
    return inFlight > 0 || (queued > 0 && !this.#slots.areStuck);
  }

  /** Ends now: idle cores are unloaded, jobs that run are not finished. */
  async close(): Promise<void> {
    clearInterval(this.#tick);
    this.#watch.close();
    for (const { endpoint } of this.#pool.currentJobs()) this.#slots.kill(endpoint);
    const slotsClosed = this.#slots.close();
    for (const connection of this.#connections.values()) connection.close();
    await slotsClosed;
    await this.#host.close();
  }

  /** Ends every slot at once, whatever it does. For a process that is about to exit. */
  kill(): void {
    this.#slots.killAll();
    this.#host.closeSync();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // What slots report.

  #slotsEvents(): SlotsEvents {
    return {
      onUp: () => {
        this.#wake();
        return this.#pool.onEndpointUp(1);
      },
      onLoaded: (endpoint) => {
        this.#pool.onLoaded(endpoint, performance.now());
        this.#tries.onLoaded(endpoint);
        this.#wake();
      },
      onLoadFailed: (endpoint, core, error) => {
        this.#pool.onLoadFailed(endpoint, core.key, error.message, performance.now());
        this.#tries.onLoadFailed(endpoint, error);
        this.#wake();
      },
      onAnswer: (endpoint, frame) => this.#onAnswer(endpoint, frame),
      onLost: (endpoint, reason, wasKilled, begunLast) => {
        this.#watch.onLost(endpoint, reason, begunLast);
        // A core may also crash between two jobs: then the one that waits has nothing to do with it.
        const hadBegun = this.#pool.jobAt(endpoint, begunLast) !== undefined;
        this.#lossKind = wasKilled || !hadBegun ? "killed" : "crash";
        this.#pool.onEndpointLost(endpoint, reason, wasKilled || !hadBegun);
        this.#wake();
      },
    };
  }

  #onAnswer(endpoint: EndpointId, frame: Frame): void {
    const job = this.#pool.onAnswer(endpoint, frame.id as DispatchId, performance.now());
    if (!job) throw new TypeError(`A slot has answered job ${frame.id}, which it does not have`);
    if (this.#pool.isWanted(job)) {
      job.payload.connection.answer(job.payload, frame.type, frame.payload);
    }
    this.#releaseCore(job.core);
    this.#wake();
  }

  #fail(job: Job<RelayedJob>, kind: FailureKindName, reason: string): void {
    job.payload.connection.fail(job.payload, kind, reason);
    this.#releaseCore(job.core);
  }

  // What connections ask for.

  readonly #connectionHost: ConnectionHost = {
    offerCore: (core, turns) => this.#offerCore(core, turns),
    chooseCore: (key, turns) => this.#chooseCore(key, turns),
    hasCore: (key) => this.#store.has(key),
    jobsOf: ({ client }) => this.#pool.jobsOf(client).map(({ payload }) => payload),
    cancelJob: (job) => this.#cancelJob(job),
    describe: () => this.#describe(),
    load: () => this.#loadOf(),
    releaseCore: (core) => this.#releaseCore(core.key),
    queueJob: ({ client }, { key }, job) => {
      this.#store.use(key);
      job.queued = this.#pool.onJob(client, key, job.payload.byteLength, job, performance.now());
      if (job.limits.timeMs > 0 || job.limits.memoryBytes > 0) this.#watch.watchLimits();
      this.#wake();
    },
    setBlocked: (connection, isBlocked) => {
      this.#pool.onClientBlocked(connection.client, isBlocked);
      this.#wake();
    },
    onConnectionClosed: (connection, reason) => this.#onConnectionClosed(connection, reason),
  };

  async #offerCore({ key, name, content }: OfferedCore, turns: Semaphore): Promise<StoredCore> {
    const reason = reasonNotToLoad(inspectCore(content), host());
    if (reason) throw new CoreLoadError(reason);
    return await this.#tried(await this.#store.add(name, content, key), turns);
  }

  async #chooseCore(key: CoreKey, turns: Semaphore): Promise<StoredCore | undefined> {
    const core = await this.#store.reuse(key);
    return core && await this.#tried(core, turns);
  }

  /** The core, once it was seen to load, when it was its turn. */
  async #tried(core: StoredCore, turns: Semaphore): Promise<StoredCore> {
    try {
      await turns.take(() => this.#tries.take(core, turns.closed));
      return core;
    } catch (error) {
      this.#releaseCore(core.key);
      throw error;
    }
  }

  #cancelJob(job: RelayedJob): void {
    if (!job.queued) return; // it waits for its core, and is not here yet
    job.isCancelled = true;
    if (this.#pool.onCanceled(job.queued)) this.#releaseCore(job.queued.core);
    this.#wake();
  }

  #describe(): WorkerDescription {
    return {
      instance: this.#instance,
      slots: this.#options.slots,
      memoryBytes: os.totalmem(),
      platform: `${process.platform}-${host().machine}`,
      software: this.#options.software ?? "distcomp",
      machine: os.hostname(),
      cores: this.#store.keys,
    };
  }

  #loadOf(): WorkerLoad {
    const { queued, inFlight } = this.#pool.counts();
    const slotsBusy = this.#pool.currentJobs().length;
    return {
      slotsBusy,
      // Some wait for their turn at a slot already.
      jobsWaiting: queued + inFlight - slotsBusy,
      memoryFreeBytes: os.freemem(),
    };
  }

  #onConnectionClosed(connection: Connection, reason: Error | undefined): void {
    this.#connections.delete(connection.client);
    const why = reason ? `: ${reason.message}` : "";
    this.#log.info(`controller ${connection.peer} disconnected${why}`);
    for (const job of this.#pool.onClientGone(connection.client)) this.#releaseCore(job.core);
    this.#closedWaiters.get(connection.client)?.();
    this.#closedWaiters.delete(connection.client);
    this.#wake();
  }

  /** One user of a core less. After the last, no slot has a reason to hold it. */
  #releaseCore(key: CoreKey): void {
    if (!this.#store.release(key)) return;
    for (const endpoint of this.#slots.holding(key)) {
      if (this.#pool.isFree(endpoint)) this.#slots.retire(endpoint);
    }
  }

  #load(endpoint: EndpointId, key: CoreKey): void {
    const core = this.#store.get(key);
    if (!core) return;
    this.#watch.onReplaced(endpoint);
    // Its file has to stay until then, whoever leaves meanwhile.
    this.#store.use(key);
    void this.#slots.load(endpoint, core).finally(() => this.#releaseCore(key));
  }

  // What only time changes.

  #onTick(): void {
    const nowMs = performance.now();
    this.#watch.endOrphaned(nowMs);
    for (const connection of this.#connections.values()) connection.checkSilence(nowMs);
    this.#wake();
  }

  // The scheduler's pass.

  #wake(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#pool.schedule(performance.now());
      if (this.#idle && !this.#hasJobs) this.#idle();
    });
  }
}
