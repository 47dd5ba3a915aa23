/**
 * Jobs on one side, endpoints on the other: the scheduler of both a controller (over workers) and a
 * worker (over slots).
 *
 * Pure: it knows no socket, process or clock. Its owner reports what happens through the `on…` handlers,
 * which only change state, and then calls `schedule`, which decides and acts through `PoolActions`.
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

/** A job whose endpoint was killed in this many attempts is most likely the cause, probably by its memory. */
const KILLED_ATTEMPTS_MAX = 3;

/** A killed endpoint says little about its jobs, but if that goes on it says enough. */
const KILLED_WEIGHT = 0.1;

/** The pool. */
export class Pool<T> extends PoolView<T> {
  readonly #actions: PoolActions<T>;
  readonly #cores: Cores<T>;
  readonly #dispatcher: Dispatcher<T>;
  #lastEndpoint = 0;
  #lastClient = 0;

  constructor(actions: PoolActions<T>, options: PoolOptions) {
    super(options);
    this.#actions = actions;
    this.#cores = new Cores(this.endpoints, this.clients, (id, core) => this.load(id, core));
    this.#dispatcher = new Dispatcher(this.endpoints, this.clients, options, actions);
  }

  // What happens: endpoints.

  /** There is a new endpoint, without a core. `slots`: how many jobs it runs at once, if that is known. */
  onEndpointUp(slots?: number): EndpointId {
    const id = ++this.#lastEndpoint as EndpointId;
    this.endpoints.set(id, new Endpoint<T>(id, slots));
    return id;
  }

  /** The endpoint is ready for jobs with the core it was told to load. */
  onLoaded(id: EndpointId, nowMs: number): void {
    const endpoint = this.endpoints.get(id);
    if (endpoint) this.#cores.onLoaded(endpoint, nowMs);
  }

  /** The endpoint could not load the core. If that goes on and no endpoint holds it, its jobs end here. */
  onLoadFailed(id: EndpointId, core: CoreKey, reason: string, nowMs: number): void {
    const isGivenUp = this.#cores.onLoadFailed(this.endpoints.get(id), core, nowMs);
    if (isGivenUp) this.#failQueued(core, reason);
  }

  /** The endpoint finishes its jobs in flight and gets no more. */
  onEndpointLeaving(id: EndpointId): void {
    const endpoint = this.endpoints.get(id);
    if (endpoint) endpoint.isLeaving = true;
  }

  /**
   * The endpoint is gone, with its jobs in flight. `wasKilled`: from outside, or for reasons of its own, so
   * that a job that was alone on it is not to blame unless that goes on.
   */
  onEndpointLost(id: EndpointId, reason: string, wasKilled = false): void {
    const endpoint = this.endpoints.get(id);
    if (!endpoint) return;
    this.endpoints.delete(id);
    const jobs = [...endpoint.inFlight.values()];
    const wasAlone = jobs.length === 1;
    if (!endpoint.isLeaving) {
      const weight = wasKilled ? KILLED_WEIGHT : 1;
      for (const job of jobs.slice(0, endpoint.pace.slots)) addCrash(job, weight);
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
      if (this.#isCulprit(job, wasAlone, wasKilled)) this.#actions.crashed(job, reason);
      else client.pushFront(job);
    }
  }

  #isCulprit(job: Job<T>, wasAlone: boolean, wasKilled: boolean): boolean {
    if (this.options.onLost === "retry") {
      return job.crashCount >= (this.options.crashesMax ?? Infinity);
    }
    return wasAlone && (!wasKilled || job.attempt >= KILLED_ATTEMPTS_MAX);
  }

  /** The client that waits for a job's result, if one does. */
  #waitingFor(job: Job<T>): Client<T> | undefined {
    return isWanted(job) ? this.clients.get(job.client) : undefined;
  }

  // What happens: clients and their jobs.

  onClientUp(): ClientId {
    const id = ++this.#lastClient as ClientId;
    this.clients.set(id, new Client<T>(id));
    return id;
  }

  /** The client is gone. Returns its queue; its jobs in flight are abandoned. */
  onClientGone(id: ClientId): Job<T>[] {
    const queued = this.onQueueCanceled(id);
    this.clients.delete(id);
    for (const endpoint of this.endpoints.values()) {
      for (const job of endpoint.inFlight.values()) if (job.client === id) markUnwanted(job);
    }
    return queued;
  }

  /** Whether the client has sent all its jobs. */
  onClientEnded(id: ClientId, isEnded: boolean): void {
    const client = this.clients.get(id);
    if (client) client.isEnded = isEnded;
  }

  /** Whether the client's owner has stopped taking results. */
  onClientBlocked(id: ClientId, isBlocked: boolean): void {
    const client = this.clients.get(id);
    if (client) client.isBlocked = isBlocked;
  }

  /** Queues a job. `undefined`: its client is gone. */
  onJob(id: ClientId, core: CoreKey, bytes: number, payload: T, nowMs: number): Job<T> | undefined {
    const client = this.clients.get(id);
    const job = client && newJob(id, core, bytes, payload, nowMs);
    if (job) client.pushBack(job);
    return job;
  }

  /** A job that was answered runs again: on another endpoint, if there is one. */
  onRetried(job: Job<T>, nowMs: number): void {
    avoidLastEndpoint(job);
    markQueuedAt(job, nowMs);
    this.clients.get(job.client)?.pushBack(job);
  }

  /** The endpoint gives back a job that it has not begun: as if it had never been sent. */
  onReturned(id: EndpointId, dispatch: DispatchId, nowMs: number): Job<T> | undefined {
    const job = this.onAnswer(id, dispatch, nowMs);
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
   * A queued copy of a job is not needed after all: `others` run in its place. They may run anywhere from
   * now on, and what was found out about the copy holds for them.
   */
  onCopyDropped(copy: Job<T>, others: readonly Job<T>[]): void {
    this.onCanceled(copy);
    for (const other of others) {
      allowAnywhere(other);
      inheritCrashes(other, copy);
    }
  }

  /** The only copy of a job that is left may run on endpoints that it had to avoid, if there is no other. */
  allowAnywhere(job: Job<T>): void {
    allowAnywhere(job);
  }

  /**
   * The job's result is no longer wanted. It is out of the pool on return (true), or abandoned in flight
   * until its endpoint has answered it (false).
   */
  onCanceled(job: Job<T>): boolean {
    const client = this.#waitingFor(job);
    const isInFlight = this.isInFlight(job);
    if (client && isInFlight) client.inFlight -= 1;
    else client?.take(job);
    markUnwanted(job);
    return !isInFlight;
  }

  /** Takes a client's queued jobs out of the pool: it does not want them any more. */
  onQueueCanceled(id: ClientId): Job<T>[] {
    const jobs = this.clients.get(id)?.takeWhere(() => true) ?? [];
    for (const job of jobs) markUnwanted(job);
    return jobs;
  }

  /** A job is answered; this takes it out of the pool. `undefined`: the endpoint has no such job. */
  onAnswer(id: EndpointId, dispatch: DispatchId, nowMs: number): Job<T> | undefined {
    const job = this.endpoints.get(id)?.remove(dispatch, nowMs);
    const client = job && this.#waitingFor(job);
    if (client) client.inFlight -= 1;
    return job;
  }

  // What to do.

  /** Has free endpoints load cores, and sends jobs to those with room. Call it after a batch of events. */
  schedule(nowMs: number): void {
    this.usage.sample(nowMs);
    this.#cores.assign(nowMs);
    this.#dispatcher.dispatchAll(nowMs);
    this.usage.count(this.endpoints.values());
  }

  /** Has an endpoint load a core that no job waits for yet. */
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
