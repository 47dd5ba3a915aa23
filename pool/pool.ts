/**
 * The scheduler: assigns the jobs of clients to endpoints. A controller uses it with workers as endpoints, a
 * worker with slots.
 *
 * It uses no socket, process or clock. Its owner reports events to the `on…` handlers. They change state, and report at
 * once which jobs have ended. Then the owner calls `schedule`. Only that sends jobs, and decides which endpoint loads
 * which core; both are done by the owner's `PoolActions`.
 */

import { audit } from "./audit.ts";
import { Client } from "./client.ts";
import { Cores } from "./cores.ts";
import { Dispatcher } from "./dispatcher.ts";
import { Endpoint } from "./endpoint.ts";
import type { ClientId, CoreKey, DispatchId, EndpointId } from "./ids.ts";
import {
  addCrash,
  allowAnywhere,
  type AntiAffinity,
  avoid,
  avoidLastEndpoint,
  copyOf,
  inheritCrashes,
  isolate,
  isWanted,
  type Job,
  markBack,
  markQueuedAt,
  markUnwanted,
  newJob,
  undoAttempt,
} from "./job.ts";
import type { PoolActions, PoolOptions } from "./types.ts";
import { PoolView } from "./view.ts";

export type { CurrentJob, PoolCounts } from "./types.ts";

/** A job whose endpoint was killed in this many attempts is most likely the cause, probably by using much memory. */
const KILLED_ATTEMPTS_MAX = 3;

/** How much a killed endpoint counts as a crash of its job: little, but repeated kills add up. */
const KILLED_WEIGHT = 0.1;

/** How much a loss counts that only repeats the one before: less, but such a job must not cost a machine for ever. */
const REPEATED_WEIGHT = 0.25;

/** The pool. `T` is the owner's data of a job. */
export class Pool<T> extends PoolView<T> {
  readonly #actions: PoolActions<T>;
  readonly #cores: Cores<T>;
  readonly #dispatcher: Dispatcher<T>;
  #lastEndpoint = 0;
  #lastClient = 0;

  constructor(actions: PoolActions<T>, options: PoolOptions) {
    super(options);
    this.#actions = actions;
    const load = (id: EndpointId, core: CoreKey) => this.load(id, core);
    this.#cores = new Cores(this.endpoints, this.clients, options.isLocal, load);
    this.#dispatcher = new Dispatcher(this.endpoints, this.clients, options, actions);
  }

  // Events of endpoints.

  /** There is a new endpoint, without a core. `slots`: how many jobs it runs at once, if known. */
  onEndpointUp(slots?: number): EndpointId {
    const id = ++this.#lastEndpoint as EndpointId;
    this.endpoints.add(new Endpoint<T>(id, slots, this.endpoints));
    return id;
  }

  /**
   * A round trip to the endpoint costs next to nothing. It gets no long job ahead, behind which an urgent one would
   * wait.
   */
  onLowLatency(id: EndpointId): void {
    this.endpoints.get(id)?.onLowLatency();
  }

  /** The endpoint has loaded its core and is ready for jobs. */
  onLoaded(id: EndpointId, nowMs: number): void {
    const endpoint = this.endpoints.get(id);
    if (endpoint) this.#cores.onLoaded(endpoint, nowMs);
  }

  /** The endpoint could not load the core. After repeated failures, if no endpoint holds it, its queued jobs fail. */
  onLoadFailed(id: EndpointId, core: CoreKey, reason: string, nowMs: number): void {
    const isGivenUp = this.#cores.onLoadFailed(this.endpoints.get(id), core, nowMs);
    if (isGivenUp) this.#failQueued(core, reason);
  }

  /** The endpoint drains: it finishes its jobs in flight and gets no more. */
  onEndpointLeaving(id: EndpointId): void {
    const endpoint = this.endpoints.get(id);
    endpoint?.onLeaving();
  }

  /** The endpoint gets a job only while it has fewer than `jobsMax` in flight; 0: it gets none until this changes. */
  onLimited(id: EndpointId, jobsMax: number): void {
    const endpoint = this.endpoints.get(id);
    endpoint?.onLimited(jobsMax);
  }

  /**
   * The endpoint is lost, with its jobs in flight. `wasKilled`: it was killed from outside, or ended for another
   * reason than its jobs, so that even a job that was alone on it is to blame only after several attempts.
   * `isRepeated`: whether this says little about a job that was running, because it repeats the job's last loss.
   */
  onEndpointLost(
    id: EndpointId,
    reason: string,
    wasKilled = false,
    isRepeated: (job: Job<T>) => boolean = () => false,
  ): void {
    const endpoint = this.endpoints.get(id);
    if (!endpoint) return;
    this.endpoints.delete(endpoint);
    const jobs = [...endpoint.inFlight];
    const wasAlone = jobs.length === 1;
    if (!endpoint.isLeaving) {
      for (const job of jobs.slice(0, endpoint.pace.slots)) {
        const weight = isRepeated(job) ? REPEATED_WEIGHT : 1;
        addCrash(job, wasKilled ? KILLED_WEIGHT : weight);
      }
    }
    for (const job of jobs.reverse()) {
      markBack(job);
      const client = this.#waitingFor(job);
      isolate(job, this.options.onLost === "isolate");
      if (!client) {
        this.#actions.dropped(job);
        continue;
      }
      client.inFlight -= 1;
      if (this.#isCulprit(job, wasAlone, wasKilled)) this.#actions.crashed(job, reason, wasKilled);
      else client.pushFront(job);
    }
  }

  #isCulprit(job: Job<T>, wasAlone: boolean, wasKilled: boolean): boolean {
    if (this.options.onLost === "retry") {
      return job.crashCount >= (this.options.crashesMax ?? Infinity);
    }
    return wasAlone && (!wasKilled || job.attempt >= KILLED_ATTEMPTS_MAX);
  }

  /** The client that waits for the job's result, if it still does. */
  #waitingFor(job: Job<T>): Client<T> | undefined {
    return isWanted(job) ? this.clients.get(job.client) : undefined;
  }

  // Events of clients and their jobs.

  /** There is a new client. Its jobs go before those of clients with a lower `priority`. */
  onClientUp(priority = 0): ClientId {
    const id = ++this.#lastClient as ClientId;
    this.clients.set(id, new Client<T>(id, priority));
    return id;
  }

  /** The client has left. Returns its queued jobs; its jobs in flight are abandoned. */
  onClientGone(id: ClientId): Job<T>[] {
    const queued = this.onQueueCanceled(id);
    this.clients.delete(id);
    for (const endpoint of this.endpoints.values()) {
      for (const job of endpoint.inFlight) if (job.client === id) markUnwanted(job);
    }
    return queued;
  }

  /** The client has submitted all its jobs, or will submit more after all. */
  onClientEnded(id: ClientId, isEnded: boolean): void {
    const client = this.clients.get(id);
    if (client) client.isEnded = isEnded;
  }

  /** The client's owner has stopped accepting results, or accepts them again. */
  onClientBlocked(id: ClientId, isBlocked: boolean): void {
    const client = this.clients.get(id);
    if (client) client.isBlocked = isBlocked;
  }

  /** Queues a job. `dataAt`: the endpoint that has its data. Returns `undefined` if its client has left. */
  onJob(
    id: ClientId,
    core: CoreKey,
    bytes: number,
    payload: T,
    nowMs: number,
    dataAt?: EndpointId,
  ): Job<T> | undefined {
    const client = this.clients.get(id);
    const job = client && newJob(id, core, bytes, payload, nowMs, dataAt);
    if (job) client.pushBack(job);
    return job;
  }

  /** A job that was answered is retried. By default it avoids its last endpoint, if there is another one. */
  onRetried(job: Job<T>, nowMs: number, antiAffinity?: AntiAffinity): void {
    if (antiAffinity) avoid(job, antiAffinity);
    else avoidLastEndpoint(job);
    markQueuedAt(job, nowMs);
    this.clients.get(job.client)?.pushBack(job);
  }

  /** A queued job avoids other endpoints from now on. Does nothing if the job is not queued. */
  onAntiAffinity(job: Job<T>, antiAffinity: AntiAffinity, nowMs: number): void {
    const client = this.clients.get(job.client);
    if (!client || job.state !== "queued") return;
    client.take(job);
    avoid(job, antiAffinity);
    markQueuedAt(job, nowMs);
    client.pushBack(job);
  }

  /** The endpoint returns a job that it has not started. The job is queued as if it had never been sent. */
  onReturned(id: EndpointId, dispatch: DispatchId, nowMs: number): Job<T> | undefined {
    const job = this.#takeBack(id, dispatch, nowMs, false);
    if (!job) return undefined;
    undoAttempt(job);
    const client = this.#waitingFor(job);
    if (client) client.pushFront(job);
    else this.#actions.dropped(job);
    return job;
  }

  /** Queues a second copy of a job, which must not run on `endpoints`. Either may be answered first. */
  onCopied(job: Job<T>, endpoints: readonly EndpointId[], nowMs: number): Job<T> {
    const copy = copyOf(job, endpoints, nowMs);
    this.clients.get(job.client)?.pushBack(copy);
    return copy;
  }

  /**
   * A queued copy of a job is not needed after all, and `others`, the remaining copies, run in its place. They
   * no longer have to avoid endpoints, and inherit the crashes of the dropped copy.
   */
  onCopyDropped(copy: Job<T>, others: readonly Job<T>[]): void {
    this.onCanceled(copy);
    for (const other of others) {
      this.onAllowedAnywhere(other);
      inheritCrashes(other, copy);
    }
  }

  /** The last copy of a job may run on endpoints that it had to avoid, if there is no other. */
  onAllowedAnywhere(job: Job<T>): void {
    const client = job.state === "queued" ? this.clients.get(job.client) : undefined;
    client?.take(job); // its place in the queue depends on what it avoids
    allowAnywhere(job);
    client?.pushBack(job);
  }

  /**
   * The job's result is no longer wanted. Returns true if it has left the pool, and false if it is in flight: it
   * is abandoned until its endpoint answers.
   */
  onCanceled(job: Job<T>): boolean {
    const client = this.#waitingFor(job);
    const isInFlight = this.isInFlight(job);
    if (client && isInFlight) client.inFlight -= 1;
    else client?.take(job);
    markUnwanted(job);
    return !isInFlight;
  }

  /** The client cancels all its queued jobs. Removes and returns them. */
  onQueueCanceled(id: ClientId): Job<T>[] {
    const jobs = this.clients.get(id)?.takeWhere(() => true) ?? [];
    for (const job of jobs) markUnwanted(job);
    return jobs;
  }

  /** A job is answered and leaves the pool. Returns `undefined` if the endpoint has no such job. */
  onAnswer(id: EndpointId, dispatch: DispatchId, nowMs: number): Job<T> | undefined {
    return this.#takeBack(id, dispatch, nowMs, true);
  }

  #takeBack(
    id: EndpointId,
    dispatch: DispatchId,
    nowMs: number,
    isAnswer: boolean,
  ): Job<T> | undefined {
    const job = this.endpoints.get(id)?.remove(dispatch, nowMs, isAnswer);
    const client = job && this.#waitingFor(job);
    if (client) client.inFlight -= 1;
    return job;
  }

  // Decisions.

  /** Has endpoints load cores, and sends jobs to those with room. To be called after each batch of events. */
  schedule(nowMs: number): void {
    this.usage.sample(nowMs);
    this.#cores.assign(nowMs);
    this.#dispatcher.dispatchAll(nowMs);
    this.usage.count(this.endpoints.sums);
  }

  /** Has an endpoint load a core, even if no job waits for it yet. */
  load(id: EndpointId, core: CoreKey): void {
    this.endpoints.get(id)?.startLoading(core);
    this.#actions.load(id, core);
  }

  #failQueued(core: CoreKey, reason: string): void {
    for (const client of this.clients.values()) {
      for (const job of client.takeWhere((queued) => queued.core === core)) {
        this.#actions.coreUnavailable(job, reason);
      }
    }
  }

  /** Throws if an invariant is violated. For tests: it looks at every job. */
  audit(): void {
    audit(this.endpoints, this.clients, this.options.isLocal);
  }
}
