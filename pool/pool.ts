/**
 * Jobs on one side, endpoints on the other: the scheduler of both a controller (over workers) and a
 * worker (over slots).
 *
 * Pure: it knows no socket, process or clock. Its owner reports what happens through the `on…` handlers,
 * which only change state, and then calls `schedule`, which decides and acts through `PoolActions`.
 */

import { Client } from "./client.ts";
import { Endpoint } from "./endpoint.ts";
import { type Demands, neediestCore, shouldYield } from "./shares.ts";
import type {
  ClientId,
  CoreKey,
  DispatchId,
  EndpointId,
  Job,
  PoolActions,
  PoolOptions,
} from "./types.ts";

/** A core stays on an endpoint at least this long while others want it too: a change costs a process. */
const CORE_QUANTUM_MS = 1_000;

/** A core that could not be loaded is tried again after a pause, doubling from the first. */
const LOAD_PAUSE_MS = { first: 100, longest: 5_000 };

/** A core that no endpoint holds is given up, and its jobs with it, after this many failures in a row. */
const LOAD_FAILURES_MAX = 3;

/** How much there is of what, for progress and for flow control. */
export interface PoolCounts {
  readonly endpoints: number;
  /** Slots of all endpoints that serve. */
  readonly slots: number;
  /** Whether that is what they said; otherwise it is what they have shown. */
  readonly slotsAreKnown: boolean;
  readonly queued: number;
  readonly queuedBytes: number;
  readonly inFlight: number;
}

/** The pool. */
export class Pool<T> {
  readonly #actions: PoolActions<T>;
  readonly #options: PoolOptions;
  readonly #endpoints = new Map<EndpointId, Endpoint<T>>();
  readonly #clients = new Map<ClientId, Client<T>>();
  readonly #loadFailures = new Map<CoreKey, { count: number; untilMs: number }>();
  #busyMs = 0;
  #slotMs = 0;
  #sampledAtMs = 0;
  #lastEndpoint = 0;
  #lastClient = 0;
  #lastDispatch = 0;
  /** The client whose turn it was last, so that the next one begins. */
  #turn = 0;

  constructor(actions: PoolActions<T>, options: PoolOptions) {
    this.#actions = actions;
    this.#options = options;
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
    if (!endpoint?.core) return;
    endpoint.isLoading = false;
    endpoint.loadedAtMs = nowMs;
    this.#loadFailures.delete(endpoint.core);
  }

  /** The endpoint could not load the core. If that goes on and no other has it, its jobs end here. */
  onLoadFailed(id: EndpointId, core: CoreKey, reason: string, nowMs: number): void {
    const endpoint = this.#endpoints.get(id);
    if (endpoint?.core === core) {
      endpoint.isLoading = false;
      endpoint.core = undefined;
    }
    const count = (this.#loadFailures.get(core)?.count ?? 0) + 1;
    const pauseMs = Math.min(LOAD_PAUSE_MS.first * 2 ** (count - 1), LOAD_PAUSE_MS.longest);
    this.#loadFailures.set(core, { count, untilMs: nowMs + pauseMs });
    const isHeld = [...this.#endpoints.values()].some((other) => other.core === core);
    if (count >= LOAD_FAILURES_MAX && !isHeld) this.#failQueued(core, reason);
  }

  /** The endpoint finishes what it has and gets nothing more. */
  onEndpointLeaving(id: EndpointId): void {
    const endpoint = this.#endpoints.get(id);
    if (endpoint) endpoint.isLeaving = true;
  }

  /** The endpoint is gone, and what it had in flight with it. */
  onEndpointLost(id: EndpointId, reason: string): void {
    const endpoint = this.#endpoints.get(id);
    if (!endpoint) return;
    this.#endpoints.delete(id);
    const jobs = [...endpoint.inFlight.values()];
    const isCulprit = this.#options.onLost === "isolate" && jobs.length === 1;
    for (const job of jobs.reverse()) {
      const client = this.#clients.get(job.client);
      if (client) client.inFlight -= 1;
      job.alone = this.#options.onLost === "isolate";
      if (!client) this.#actions.dropped(job);
      else if (isCulprit) this.#actions.crashed(job, reason);
      else client.pushFront(job);
    }
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

  onJob(client: ClientId, core: CoreKey, bytes: number, payload: T, nowMs: number): void {
    this.#clients.get(client)?.pushBack({
      client,
      core,
      bytes,
      payload,
      queuedAtMs: nowMs,
      attempt: 0,
      sentAtMs: 0,
      alone: false,
      isOrphan: false,
    });
  }

  /** Takes a client's queued jobs out of the pool: it does not want them any more. */
  onQueueCancelled(id: ClientId): Job<T>[] {
    const jobs: Job<T>[] = [];
    const client = this.#clients.get(id);
    for (let job = client?.take(); job; job = client?.take()) jobs.push(job);
    return jobs;
  }

  /** A job is answered; this takes it out of the pool. `undefined`: the endpoint has no such job. */
  onAnswer(id: EndpointId, dispatch: DispatchId, nowMs: number): Job<T> | undefined {
    const job = this.#endpoints.get(id)?.remove(dispatch, nowMs);
    const client = job && this.#clients.get(job.client);
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
      queued += client.queue.length;
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
    return { queued: client?.queue.length ?? 0, queuedBytes: client?.queuedBytes ?? 0 };
  }

  /** How many jobs one endpoint has in flight. */
  outstandingAt(id: EndpointId): number {
    return this.#endpoints.get(id)?.inFlight.size ?? 0;
  }

  /** Part of the serving slots' time, since the first one served, in which they had a job; 0 to 1. */
  get busyPart(): number {
    return this.#slotMs === 0 ? 0 : this.#busyMs / this.#slotMs;
  }

  /** Whether the endpoint has nothing to do. */
  isFree(id: EndpointId): boolean {
    return this.#endpoints.get(id)?.isFree ?? false;
  }

  /** Endpoints that have something in flight. */
  busy(): EndpointId[] {
    return [...this.#endpoints.values()].filter(({ inFlight }) => inFlight.size > 0).map(({ id }) =>
      id
    );
  }

  /** Endpoints that have something in flight, and nothing that anybody wants. */
  orphaned(): EndpointId[] {
    return [...this.#endpoints.values()]
      .filter(({ inFlight }) =>
        inFlight.size > 0 && [...inFlight.values()].every((job) => job.isOrphan)
      )
      .map(({ id }) => id);
  }

  /** An endpoint that could load a core at once, preferably one that has none. */
  freeEndpoint(): EndpointId | undefined {
    let free: Endpoint<T> | undefined;
    for (const endpoint of this.#endpoints.values()) {
      if (endpoint.isFree && (!free || endpoint.core === undefined)) free = endpoint;
    }
    return free?.id;
  }

  audit(): void {}

  // What to do.

  /** Gives cores to free endpoints and jobs to those that have room. Call it after a batch of events. */
  schedule(nowMs: number): void {
    this.#sampleBusy(nowMs);
    this.#assignCores(nowMs);
    const tailCap = this.#tailCap();
    // First every slot gets one job, then windows are filled: few jobs spread over all endpoints.
    for (const endpoint of this.#endpoints.values()) {
      this.#fill(endpoint, Math.min(endpoint.pace.slots, this.#window(endpoint, tailCap)), nowMs);
    }
    for (const endpoint of this.#endpoints.values()) {
      this.#fill(endpoint, this.#window(endpoint, tailCap), nowMs);
    }
  }

  /** Has an endpoint load a core that no job waits for yet, to see whether it can. */
  load(id: EndpointId, core: CoreKey): void {
    this.#endpoints.get(id)?.startLoading(core);
    this.#actions.load(id, core);
  }

  /** A slot is busy while its endpoint has a job for it, on the way there and back included. */
  #sampleBusy(nowMs: number): void {
    const elapsedMs = nowMs - this.#sampledAtMs;
    this.#sampledAtMs = nowMs;
    for (const endpoint of this.#endpoints.values()) {
      if (!endpoint.isServing) continue;
      this.#slotMs += endpoint.pace.slots * elapsedMs;
      this.#busyMs += Math.min(endpoint.pace.slots, endpoint.inFlight.size) * elapsedMs;
    }
  }

  #fill(endpoint: Endpoint<T>, window: number, nowMs: number): void {
    if (!endpoint.isServing || endpoint.isReserved) return;
    while (endpoint.inFlight.size < window) {
      if (
        endpoint.inFlight.size >= endpoint.pace.slots &&
        endpoint.bytesInFlight >= this.#options.endpointBytesMax
      ) return;
      const client = this.#clientForCore(endpoint.core as CoreKey);
      const job = client?.next;
      if (!client || !job) return;
      if (job.alone && endpoint.inFlight.size > 0) return;
      client.take();
      client.inFlight += 1;
      this.#send(endpoint, job, nowMs);
      if (job.alone) return;
    }
  }

  #send(endpoint: Endpoint<T>, job: Job<T>, nowMs: number): void {
    const dispatch = ++this.#lastDispatch as DispatchId;
    job.attempt += 1;
    job.sentAtMs = nowMs;
    endpoint.add(dispatch, job, nowMs);
    this.#actions.send(endpoint.id, dispatch, job);
  }

  /** The client that has waited longest for its turn among those whose next job needs `core`. */
  #clientForCore(core: CoreKey): Client<T> | undefined {
    let first: Client<T> | undefined;
    for (const client of this.#clients.values()) {
      if (client.next?.core !== core) continue;
      if (client.id > this.#turn) {
        this.#turn = client.id;
        return client;
      }
      first ??= client;
    }
    if (first) this.#turn = first.id;
    return first;
  }

  #window(endpoint: Endpoint<T>, tailCap: number): number {
    const { slots } = endpoint.pace;
    const window = endpoint.pace.window(this.#options.isLocal);
    return Math.min(window, Math.max(slots, Math.ceil(tailCap * slots)));
  }

  /** Near the end no job should wait behind a slow one while a slot idles: jobs per slot to keep out. */
  #tailCap(): number {
    let remaining = 0;
    for (const client of this.#clients.values()) {
      // More may come at any time: there is no end to be near to.
      if (!client.isEnded && !this.#options.isLocal) return Infinity;
      remaining += client.queue.length + client.inFlight;
    }
    let slots = 0;
    for (const endpoint of this.#endpoints.values()) {
      if (endpoint.isServing) slots += endpoint.pace.slots;
    }
    return remaining / (2 * Math.max(1, slots));
  }

  #assignCores(nowMs: number): void {
    const demands = this.#demands();
    if (demands.cores.size === 0) return;
    for (const endpoint of this.#endpoints.values()) {
      if (this.#mayChangeCore(endpoint, demands, nowMs)) this.#changeCore(endpoint, demands, nowMs);
    }
  }

  #mayChangeCore(endpoint: Endpoint<T>, demands: Demands, nowMs: number): boolean {
    if (endpoint.isLoading || endpoint.isLeaving) return false;
    const { core } = endpoint;
    if (core === undefined || endpoint.isDraining) return true;
    if (!demands.cores.has(core)) return true;
    return nowMs - endpoint.loadedAtMs >= CORE_QUANTUM_MS && shouldYield(demands, core);
  }

  #changeCore(endpoint: Endpoint<T>, demands: Demands, nowMs: number): void {
    const { core } = endpoint;
    const next = neediestCore(
      demands,
      (other) => other !== core && nowMs >= (this.#loadFailures.get(other)?.untilMs ?? 0),
    );
    endpoint.isDraining = next !== undefined && core !== undefined;
    if (next === undefined) return;
    const gained = demands.cores.get(next);
    const given = core === undefined ? undefined : demands.cores.get(core);
    if (gained) {
      gained.held += 1;
      gained.idle += 1;
    }
    if (given) given.held -= 1;
    if (endpoint.inFlight.size === 0) this.load(endpoint.id, next);
  }

  #demands(): Demands {
    const cores: Map<CoreKey, { clients: number; queued: number; held: number; idle: number }> =
      new Map();
    for (const client of this.#clients.values()) {
      const core = client.next?.core;
      if (core === undefined) continue;
      const demand = cores.get(core) ?? { clients: 0, queued: 0, held: 0, idle: 0 };
      demand.clients += 1;
      demand.queued += client.queue.length;
      cores.set(core, demand);
    }
    for (const endpoint of this.#endpoints.values()) {
      const demand = endpoint.core === undefined ? undefined : cores.get(endpoint.core);
      if (!demand || endpoint.isDraining) continue;
      demand.held += 1;
      if (endpoint.inFlight.size === 0) demand.idle += 1;
    }
    return { cores, endpoints: this.#endpoints.size };
  }

  #failQueued(core: CoreKey, reason: string): void {
    this.#loadFailures.delete(core);
    for (const client of this.#clients.values()) {
      const jobs = client.queue.takeWhere((job) => job.core === core);
      for (const job of jobs) {
        client.queuedBytes -= job.bytes;
        this.#actions.unrunnable(job, reason);
      }
    }
  }
}
