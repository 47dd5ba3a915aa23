/**
 * Jobs on one side, endpoints on the other: the scheduler of both a controller (over workers) and a
 * worker (over slots).
 *
 * Pure: it knows no socket, process or clock. Its owner reports what happens through the `on…` handlers,
 * which only change state, and then calls `schedule`, which decides and acts through `PoolActions`.
 */

import { audit } from "./audit.ts";
import { BusyTime } from "./busy.ts";
import { Client } from "./client.ts";
import { Cores } from "./cores.ts";
import { Endpoint } from "./endpoint.ts";
import { Dispatcher } from "./dispatcher.ts";
import { copyOf, newJob } from "./job.ts";
import type {
  ClientId,
  CoreKey,
  DispatchId,
  EndpointId,
  Head,
  Job,
  PoolActions,
  PoolCounts,
  PoolOptions,
} from "./types.ts";

export type { Head, PoolCounts } from "./types.ts";

/** A job whose endpoint is killed each time is what has it killed, most likely for its memory. */
const KILLED_ATTEMPTS_MAX = 3;

/** An endpoint that was lost for reasons of its own says little of its jobs, but if that never ends, enough. */
const KILLED_WEIGHT = 0.1;

/** The pool. */
export class Pool<T> {
  readonly #actions: PoolActions<T>;
  readonly #options: PoolOptions;
  readonly #endpoints = new Map<EndpointId, Endpoint<T>>();
  readonly #clients = new Map<ClientId, Client<T>>();
  readonly #cores: Cores<T>;
  readonly #filling: Dispatcher<T>;
  readonly #busy = new BusyTime();
  #lastEndpoint = 0;
  #lastClient = 0;

  constructor(actions: PoolActions<T>, options: PoolOptions) {
    this.#actions = actions;
    this.#options = options;
    this.#cores = new Cores(this.#endpoints, this.#clients, (id, core) => this.load(id, core));
    this.#filling = new Dispatcher(
      this.#endpoints,
      this.#clients,
      options,
      actions,
    );
  }

  // What happens: endpoints.

  /** An endpoint is there, without a core. `slots` says how many jobs it runs at once, if known. */
  onEndpointUp(slots?: number): EndpointId {
    const id = ++this.#lastEndpoint as EndpointId;
    this.#endpoints.set(id, new Endpoint<T>(id, slots));
    return id;
  }

  /** The endpoint is ready for jobs with the core it was told to load. */
  onLoaded(id: EndpointId, nowMs: number): void {
    const endpoint = this.#endpoints.get(id);
    if (endpoint) this.#cores.onLoaded(endpoint, nowMs);
  }

  /** The endpoint could not load the core. If that goes on and no other has it, its jobs end here. */
  onLoadFailed(id: EndpointId, core: CoreKey, reason: string, nowMs: number): void {
    const isGivenUp = this.#cores.onLoadFailed(this.#endpoints.get(id), core, nowMs);
    if (isGivenUp) this.#failQueued(core, reason);
  }

  /** The endpoint finishes what it has and gets nothing more. */
  onEndpointLeaving(id: EndpointId): void {
    const endpoint = this.#endpoints.get(id);
    if (endpoint) endpoint.isLeaving = true;
  }

  /**
   * The endpoint is gone, and what it had in flight with it. `wasKilled`: from outside, or for reasons of its
   * own, so that a job which was alone on it is not to blame, unless that goes on.
   */
  onEndpointLost(id: EndpointId, reason: string, wasKilled = false): void {
    const endpoint = this.#endpoints.get(id);
    if (!endpoint) return;
    this.#endpoints.delete(id);
    const jobs = [...endpoint.inFlight.values()];
    const isAlone = jobs.length === 1;
    if (!endpoint.isLeaving) {
      const weight = wasKilled ? KILLED_WEIGHT : 1;
      for (const job of jobs.slice(0, endpoint.pace.slots)) job.losses += weight;
    }
    for (const job of jobs.reverse()) {
      const client = this.#wanting(job);
      if (client) client.inFlight -= 1;
      job.alone = this.#options.onLost === "isolate";
      if (!client) this.#actions.dropped(job);
      else if (this.#isCulprit(job, isAlone, wasKilled)) this.#actions.crashed(job, reason);
      else client.pushFront(job);
    }
  }

  #isCulprit(job: Job<T>, wasAlone: boolean, wasKilled: boolean): boolean {
    if (this.#options.onLost === "retry") {
      return job.losses >= (this.#options.lossesMax ?? Infinity);
    }
    return wasAlone && (!wasKilled || job.attempt >= KILLED_ATTEMPTS_MAX);
  }

  /** The client that waits for a job's result, if one does. */
  #wanting(job: Job<T>): Client<T> | undefined {
    return job.isOrphan ? undefined : this.#clients.get(job.client);
  }

  // What happens: clients and their jobs.

  onClientUp(): ClientId {
    const id = ++this.#lastClient as ClientId;
    this.#clients.set(id, new Client<T>(id));
    return id;
  }

  /** The client is gone. Gives back its queue; what is in flight goes on, as orphans. */
  onClientGone(id: ClientId): Job<T>[] {
    const queued = this.onQueueCancelled(id);
    this.#clients.delete(id);
    for (const endpoint of this.#endpoints.values()) {
      for (const job of endpoint.inFlight.values()) job.isOrphan ||= job.client === id;
    }
    return queued;
  }

  /** The client has sent all it has, or goes on. */
  onClientEnded(id: ClientId, isEnded: boolean): void {
    const client = this.#clients.get(id);
    if (client) client.isEnded = isEnded;
  }

  /** The client's results pile up, or no longer do. */
  onClientBlocked(id: ClientId, isBlocked: boolean): void {
    const client = this.#clients.get(id);
    if (client) client.isBlocked = isBlocked;
  }

  /** Queues a job. `undefined`: its client is gone. */
  onJob(id: ClientId, core: CoreKey, bytes: number, payload: T, nowMs: number): Job<T> | undefined {
    const client = this.#clients.get(id);
    const job = client && newJob(id, core, bytes, payload, nowMs);
    if (job) client.pushBack(job);
    return job;
  }

  /** A job that was answered, and is out of the pool, runs again: elsewhere, if there is another endpoint. */
  onRetried(job: Job<T>, nowMs: number): void {
    // One that must not go to some endpoints had better be where it failed than there.
    if (job.endpoint !== undefined && !job.isStrict) job.avoids = [job.endpoint];
    job.queuedAtMs = nowMs;
    this.#clients.get(job.client)?.pushBack(job);
  }

  /** The endpoint gives a job back that it has not begun: as if it had never been sent. */
  onReturned(id: EndpointId, dispatch: DispatchId, nowMs: number): Job<T> | undefined {
    const job = this.onAnswer(id, dispatch, nowMs);
    if (!job) return undefined;
    job.attempt -= 1;
    const client = this.#wanting(job);
    if (client) client.pushFront(job);
    else this.#actions.dropped(job);
    return job;
  }

  /** A second copy of a job, which must not run where `avoids` says. Either may be answered first. */
  onCopied(job: Job<T>, avoids: readonly EndpointId[], nowMs: number): Job<T> {
    const copy = copyOf(job, avoids, nowMs);
    this.#clients.get(job.client)?.pushBack(copy);
    return copy;
  }

  /**
   * Nobody wants the job's result any more. It is out of the pool on return (true), or in flight as an
   * orphan until its endpoint has answered it (false).
   */
  onCancelled(job: Job<T>): boolean {
    const client = this.#wanting(job);
    const isInFlight = this.isInFlight(job);
    job.isOrphan = true;
    if (client && isInFlight) client.inFlight -= 1;
    else client?.take(job);
    return !isInFlight;
  }

  /** Takes a client's queued jobs out of the pool: it does not want them any more. */
  onQueueCancelled(id: ClientId): Job<T>[] {
    const jobs = this.#clients.get(id)?.takeWhere(() => true) ?? [];
    for (const job of jobs) job.isOrphan = true;
    return jobs;
  }

  /** A job is answered; this takes it out of the pool. `undefined`: the endpoint has no such job. */
  onAnswer(id: EndpointId, dispatch: DispatchId, nowMs: number): Job<T> | undefined {
    const job = this.#endpoints.get(id)?.remove(dispatch, nowMs);
    const client = job && this.#wanting(job);
    if (client) client.inFlight -= 1;
    return job;
  }

  // What is known.

  counts(): PoolCounts {
    let slots = 0, queued = 0, queuedBytes = 0, inFlight = 0, slotsAreKnown = true;
    for (const endpoint of this.#endpoints.values()) {
      inFlight += endpoint.inFlight.size;
      if (!endpoint.isServing) continue;
      slots += endpoint.pace.slots;
      slotsAreKnown &&= endpoint.pace.slotsAreKnown;
    }
    for (const client of this.#clients.values()) {
      queued += client.queued;
      queuedBytes += client.queuedBytes;
    }
    const endpoints = this.#endpoints.size;
    return { endpoints, slots, slotsAreKnown, queued, queuedBytes, inFlight };
  }

  /** Jobs that all endpoints together would take now if there were enough. */
  demand(): number {
    let room = 0;
    for (const endpoint of this.#endpoints.values()) {
      if (endpoint.isServing) room += endpoint.pace.window(this.#options.isLocal);
    }
    return room;
  }

  /** What is queued for one client. */
  outstanding(id: ClientId): { queued: number; queuedBytes: number } {
    const client = this.#clients.get(id);
    return { queued: client?.queued ?? 0, queuedBytes: client?.queuedBytes ?? 0 };
  }

  /** How many jobs one endpoint has in flight. */
  outstandingAt(id: EndpointId): number {
    return this.#endpoints.get(id)?.inFlight.size ?? 0;
  }

  /** Part of the serving slots' time, since the first one served, in which they had a job; 0 to 1. */
  get busyPart(): number {
    return this.#busy.part;
  }

  /** Whether the endpoint has nothing to do. */
  isFree(id: EndpointId): boolean {
    return this.#endpoints.get(id)?.isFree ?? false;
  }

  /** The job that each busy endpoint has begun last, if that is known; else its oldest one. */
  heads(begunLast?: (endpoint: EndpointId) => DispatchId | undefined): Head<T>[] {
    const heads: Head<T>[] = [];
    for (const { id, inFlight } of this.#endpoints.values()) {
      const [oldest] = inFlight.values();
      if (!oldest) continue;
      const begun = inFlight.get(begunLast?.(id) as DispatchId);
      heads.push({ endpoint: id, job: begun ?? oldest, hasBegun: begun !== undefined });
    }
    return heads;
  }

  /** Whether the job is at an endpoint now. */
  isInFlight({ endpoint, dispatch }: Job<T>): boolean {
    if (endpoint === undefined || dispatch === undefined) return false;
    return this.#endpoints.get(endpoint)?.inFlight.has(dispatch) ?? false;
  }

  /** Jobs that somebody waits for and that are in flight, the oldest of each endpoint first. */
  *inFlight(): Iterable<Job<T>> {
    for (const { inFlight } of this.#endpoints.values()) {
      for (const job of inFlight.values()) if (!job.isOrphan) yield job;
    }
  }

  /** Jobs in flight that have surely not begun. */
  unstarted(nowMs: number): Job<T>[] {
    return [...this.#endpoints.values()].flatMap((endpoint) => endpoint.unstarted(nowMs));
  }

  /** Jobs of a client, in flight or queued, whose results it waits for. */
  *jobsOf(id: ClientId): Generator<Job<T>> {
    for (const job of this.inFlight()) if (job.client === id) yield job;
    yield* this.#clients.get(id)?.jobs() ?? [];
  }

  /** Slots of serving endpoints that have nothing to do, as many as are wanted of each. */
  idleSlots(wanted: number): EndpointId[] {
    const idle: EndpointId[] = [];
    for (const endpoint of this.#endpoints.values()) {
      if (!endpoint.isServing) continue;
      const free = Math.max(0, endpoint.pace.slots - endpoint.inFlight.size);
      for (let count = 0; count < Math.min(free, wanted); count++) idle.push(endpoint.id);
    }
    return idle;
  }

  /** An endpoint that could load a core at once, preferably one that has none. */
  freeEndpoint(): EndpointId | undefined {
    let free: Endpoint<T> | undefined;
    for (const endpoint of this.#endpoints.values()) {
      if (endpoint.isFree && (!free || endpoint.core === undefined)) free = endpoint;
    }
    return free?.id;
  }

  /** Throws if the books do not balance. For tests: it looks at every job. */
  audit(): void {
    audit(this.#endpoints, this.#clients, this.#options.isLocal);
  }

  // What to do.

  /** Gives cores to free endpoints and jobs to those that have room. Call it after a batch of events. */
  schedule(nowMs: number): void {
    this.#busy.sample(nowMs);
    this.#cores.assign(nowMs);
    this.#filling.fillAll(nowMs);
    this.#busy.count(this.#endpoints.values());
  }

  /** Has an endpoint load a core that no job waits for yet, to see whether it can. */
  load(id: EndpointId, core: CoreKey): void {
    this.#endpoints.get(id)?.startLoading(core);
    this.#actions.load(id, core);
  }

  #failQueued(core: CoreKey, reason: string): void {
    for (const client of this.#clients.values()) {
      for (const job of client.takeWhere((queued) => queued.core === core)) {
        this.#actions.unrunnable(job, reason);
      }
    }
  }
}
