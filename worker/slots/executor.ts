/** Runs the jobs of all controllers: connects the pool, which decides, with the slots of this worker, which act. */

import { Pool } from "../../pool/pool.ts";
import type { ClientId, CoreKey, DispatchId, EndpointId, Job } from "../../pool/types.ts";
import type { FailureKindName } from "../../protocol/mod.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { CoreStore } from "../cores/core_store.ts";
import type { StoredCore } from "../cores/stored_core.ts";
import { endJob, type JobPlace, type Lines, type RelayedJob, type SlotResponse } from "../job.ts";
import { CoreLoads } from "./core_loads.ts";
import { TrialProcesses } from "./trial_processes.ts";
import { CoreTrials } from "./core_trials.ts";
import { HugeInputs } from "./transport/huge_inputs.ts";
import { LoadError } from "../cores/load_error.ts";
import type { ExecutorOptions } from "./executor_options.ts";
import { type Occupancy, occupancyOf } from "./occupancy.ts";
import { printedTo } from "./printed_to.ts";
import { QueueRoom } from "./queue_room.ts";
import { returnJobs } from "./returned_jobs.ts";
import { RelayingSlots } from "./relaying_slots.ts";
import type { SlotEvents } from "./slot.ts";
import { SLOT_BYTES_MAX, Slots } from "./slots.ts";
import { Terminations } from "./terminations.ts";
import { Watchdog } from "./watchdog.ts";

/** The executor of a worker. */
export class Executor {
  readonly #clock: Clock;
  readonly #store: CoreStore;
  readonly #pool: Pool<RelayedJob>;
  readonly #slots: Slots;
  readonly hugeInputs: HugeInputs;
  readonly queueRoom: QueueRoom;
  readonly trials: CoreTrials;
  readonly #watchdog: Watchdog;
  readonly #terminations: Terminations;
  readonly #relaying: RelayingSlots;
  readonly #closing = new AbortController();
  readonly #loads = new CoreLoads();
  /** Cores whose last user has left since the last pass. */
  readonly #unused = new Set<StoredCore>();
  /** The time of the first event since the last pass: one reading of the clock serves all of them. */
  #eventAtMs: number | undefined;
  /** Set while the worker drains. */
  #draining: { onTerminated(): void; onIdle(): void } | undefined;

  constructor(options: ExecutorOptions) {
    const { clock, launcher, system } = options;
    this.#clock = clock;
    this.#store = options.store;
    this.#pool = new Pool<RelayedJob>({
      load: (endpoint, key) => this.#load(endpoint, key),
      send: (endpoint, dispatch, job) => this.#send(endpoint, dispatch, job.payload),
      crashed: (job, reason, wasKilled) => this.#fail(job, wasKilled ? "killed" : "crash", reason),
      dropped: (job) => this.#leave(job.payload),
      coreUnavailable: (job, reason) => this.#fail(job, "core", reason),
    }, { onLost: "isolate", isLocal: true, endpointBytesMax: SLOT_BYTES_MAX });
    this.queueRoom = new QueueRoom(clock, (client) => this.#pool.queueOf(client).queuedBytes);
    const context = { ...options, closing: this.#closing.signal };
    const events = {
      onUp: () => this.#onUp(),
      onAnswer: this.#onAnswer.bind(this),
      ...printedTo(this.#pool, (at) => this.#slots.at(at)?.process, options.onCorePrinted),
      onLost: this.#onLost.bind(this),
    };
    this.#slots = new Slots(options.slots, { ...context, events });
    this.hugeInputs = new HugeInputs({
      placeAt: (...input) => this.#slots.placeHuge(...input),
      placeHere: (...input) => launcher.ownInput(...input),
      system,
    });
    const parts = { pool: this.#pool, slots: this.#slots, loads: this.#loads };
    this.trials = new CoreTrials({ ...parts, processes: new TrialProcesses(context), clock });
    this.#terminations = new Terminations(this.#pool, (job, why) => this.#fail(job, "killed", why));
    this.#relaying = new RelayingSlots(this.#pool, () => this.#onEvent());
    this.#watchdog = new Watchdog({
      ...options,
      pool: this.#pool,
      processAt: (endpoint) => this.#slots.at(endpoint)?.process,
      loading: () => launcher.processes.filter(({ anyCore, core }) => anyCore && !core),
      onFailed: (job, kind, reason) => this.#fail(job, kind, reason),
    });
  }

  /** Starts the slots. */
  start(): void {
    this.#slots.start();
  }

  // Calls from connections.

  /** A controller has connected. */
  onClientUp(): ClientId {
    return this.#pool.onClientUp();
  }

  /** A controller is gone: its queued jobs are dropped, those that run may still finish. */
  onClientGone(client: ClientId): void {
    for (const { payload: job } of this.#pool.jobsOf(client)) {
      if (job.state.name === "scheduled") job.state = { name: "orphaned", core: job.state.core };
    }
    for (const job of this.#pool.onClientGone(client)) this.#leave(job.payload);
    this.queueRoom.onClientGone(client);
    this.#onEvent();
  }

  /** A controller's answers pile up, or no longer do. While they do, none of its queued jobs are started. */
  onClientBlocked(client: ClientId, isBlocked: boolean): void {
    this.#pool.onClientBlocked(client, isBlocked);
    this.#onEvent();
  }

  /** Queues a job. */
  submit(client: ClientId, core: StoredCore, job: RelayedJob): void {
    const { payload: { byteLength }, place, huge } = job;
    const bytes = byteLength + (huge?.bytes ?? 0);
    const dataAt = (place ?? huge)?.endpoint;
    const entry = this.#pool.onJob(client, core.key, bytes, job, this.#onEvent(), dataAt);
    if (!entry) throw new TypeError("A job was submitted for a disconnected controller");
    this.#store.acquire(core);
    job.state = { name: "scheduled", core, entry };
    this.#watchdog.onScheduled(job);
  }

  /** A place for the payload of a job that is about to be received, if there is one; it need not be used. */
  place(core: StoredCore, payloadBytes: number, prefixBytes: number): JobPlace | undefined {
    return this.#slots.place(core.key, payloadBytes, prefixBytes);
  }

  /** Cancels a job. If a slot has it, the slot may still run it, and its answer is dropped. */
  cancel(job: RelayedJob): void {
    if (job.state.name !== "scheduled") return;
    const { core, entry } = job.state;
    job.state = { name: "canceled", core };
    if (this.#pool.onCanceled(entry)) this.#leave(job);
    this.#onEvent();
  }

  /** Removes all queued jobs of a controller, and gives them. */
  takeQueued(client: ClientId): RelayedJob[] {
    const jobs = this.#pool.onQueueCanceled(client).map(({ payload }) => payload);
    for (const job of jobs) this.#leave(job);
    return jobs;
  }

  /** A controller's jobs that are queued or running. */
  jobsOf(client: ClientId): RelayedJob[] {
    return [...this.#pool.jobsOf(client)].map(({ payload }) => payload);
  }

  /** A core has lost its last user: slots that hold it will unload it, unless it is used again at once. */
  onUnused(core: StoredCore): void {
    if (this.#draining) return; // they do at the end, and no other process is needed in their place
    this.#unused.add(core);
    this.#onEvent();
  }

  // Calls from the worker.

  get occupancy(): Occupancy {
    return occupancyOf(this.#pool, this.#relaying.endpoints);
  }

  /** How many slots load a core, and for how long the first of them. */
  get loading(): { readonly slotsLoading: number; readonly loadingMs: number } {
    return this.#loads.progress(this.#clock.now());
  }

  /**
   * The worker drains. Resolves when there are no more jobs. From now on a job is queued only because its slot was lost:
   * it runs again, unless no slot will ever take it. `onTerminated`: a slot was told to end, probably by whoever told
   * the worker, and its jobs are queued; they had better be handed back.
   */
  drained(onTerminated: () => void): Promise<void> {
    return new Promise((onIdle) => {
      this.#draining = { onTerminated, onIdle };
      this.#onEvent();
    });
  }

  /** Does what is due only because time has passed. Returns the jobs that slots most likely run. */
  onTick(): ReturnType<Pool<RelayedJob>["currentJobs"]> {
    this.#slots.onTick();
    const nowMs = this.#onEvent();
    this.#watchdog.onTick(nowMs);
    return this.#pool.currentJobs();
  }

  /** Ends now: idle slots unload their cores, jobs that run are not finished. */
  close(): void {
    this.#closing.abort(new Error("The worker is shutting down"));
    this.#watchdog.close();
    for (const { endpoint } of this.#pool.currentJobs()) this.#slots.at(endpoint)?.process?.kill();
  }

  // Events from slots.

  #onUp(): EndpointId {
    this.#onEvent();
    const endpoint = this.#pool.onEndpointUp(1);
    queueMicrotask(() => this.trials.onUp()); // the slot is known by its endpoint then
    return endpoint;
  }

  #onAnswer(endpoint: EndpointId, response: SlotResponse, lastLines?: Lines): void {
    const entry = this.#pool.onAnswer(endpoint, response.id as DispatchId, this.#onEvent());
    const job = entry?.payload;
    const isAwaited = job?.state.name === "scheduled";
    if (!isAwaited) response.release?.();
    // No bug of ours: a core may have its slot say anything.
    if (!job) throw new Error(`A slot answered job ${response.id}, which it was not sent`);
    if (response.ended) this.#relaying.onBegun(endpoint, job, response.ended);
    this.#leave(job);
    if (isAwaited) job.source.answer(job, response, lastLines);
  }

  #onLost(...[endpoint, reason, cause, last, wasFreeing]: Parameters<SlotEvents["onLost"]>): void {
    const nowMs = this.#onEvent();
    this.#watchdog.onLost(endpoint, reason, last, nowMs);
    if (cause === "terminated") {
      this.#terminations.onLost(endpoint, reason, last, nowMs);
      this.#draining?.onTerminated();
    }
    if (wasFreeing) returnJobs(this.#pool, endpoint, nowMs); // none of them has begun
    // A core may also crash between two jobs: then the job in flight is not to blame.
    const started = this.#pool.jobAt(endpoint, last)?.payload;
    const wasKilled = cause !== "self" || !started;
    this.#pool.onEndpointLost(endpoint, reason, wasKilled);
    if (started) started.usage = started.peakBytes = undefined; // it may run again
  }

  // Actions of the pool.

  #send(endpoint: EndpointId, dispatch: DispatchId, job: RelayedJob): void {
    this.#slots.at(endpoint)?.process?.sendJob(dispatch, job);
  }

  #load(endpoint: EndpointId, key: CoreKey): void {
    this.#watchdog.onLoad(endpoint);
    this.#relaying.onReplaced(endpoint);
    const core = this.#store.get(key);
    // Its file has to stay until it is loaded, even if all controllers that use it leave.
    if (core) this.#store.acquire(core);
    const load = this.#loadInto(endpoint, core).finally(() => this.#loads.onEnded(endpoint));
    this.#loads.onStarted(endpoint, { core, outcome: load, startedAtMs: this.#clock.now() });
    load.then(
      () => {
        if (core) this.#terminations.onLoaded(core);
        this.#pool.onLoaded(endpoint, this.#onEvent());
      },
      (error) => this.#onLoadFailed(endpoint, key, error, core),
    ).then(() => {
      // Only now, because the pool has to know that the slot is free: an unused core is unloaded from free slots.
      if (core) this.#store.release(core);
    });
  }

  /** Rejects also if the core or the slot is missing: the pool waits for the outcome of each load. */
  async #loadInto(endpoint: EndpointId, core: StoredCore | undefined): Promise<void> {
    const slot = this.#slots.at(endpoint);
    if (!core || !slot) throw new LoadError("this worker no longer has it; send it again");
    await slot.load(core);
    this.#watchdog.onLoaded(endpoint, core);
  }

  #onLoadFailed(endpoint: EndpointId, key: CoreKey, error: LoadError, core?: StoredCore): void {
    const nowMs = this.#onEvent();
    // The slot is lost, which the pool has heard already, and the core is not to blame.
    if (error.kind === "abandoned") return;
    if (error.kind === "terminated" && core && !this.#terminations.onLoadLost(core)) return;
    this.#pool.onLoadFailed(endpoint, key, error.message, nowMs);
  }

  #fail({ payload: job }: Job<RelayedJob>, kind: FailureKindName, reason: string): void {
    this.#leave(job);
    job.source.fail(job, kind, reason);
  }

  /** A job has left the pool. */
  #leave(job: RelayedJob): void {
    const { state } = job;
    endJob(job);
    if ("core" in state) this.#store.release(state.core);
  }

  // The scheduler's pass.

  /** Something has happened: one pass follows for all that happens in this turn. Returns the time. */
  #onEvent(): number {
    if (this.#eventAtMs === undefined) {
      this.#eventAtMs = this.#clock.now();
      queueMicrotask(() => this.#schedule());
    }
    return this.#eventAtMs;
  }

  #schedule(): void {
    this.#eventAtMs = undefined;
    this.#unloadUnused();
    for (const endpoint of this.#loads.unneeded()) this.#slots.at(endpoint)?.abandonLoad();
    this.#pool.schedule(this.#clock.now());
    this.queueRoom.onPass();
    if (this.#draining && !this.#hasJobs) this.#draining.onIdle();
  }

  #unloadUnused(): void {
    for (const { key, users } of this.#unused) {
      if (users > 0) continue;
      const free = this.#slots.holding(key).filter((endpoint) => this.#pool.isFree(endpoint));
      for (const endpoint of free) this.#slots.at(endpoint)?.retire();
    }
    this.#unused.clear();
  }

  get #hasJobs(): boolean {
    const { queued, inFlight } = this.#pool.counts();
    return inFlight > 0 || (queued > 0 && !this.#slots.areUnable);
  }
}
