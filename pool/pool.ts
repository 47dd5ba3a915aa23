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
import { Endpoint } from "./endpoint.ts";
import type {
  ClientId,
  CoreKey,
  DispatchId,
  EndpointId,
  Job,
  PoolActions,
  PoolOptions,
} from "./types.ts";

/** A job whose endpoint is killed each time is what has it killed, most likely for its memory. */
const KILLED_ATTEMPTS_MAX = 3;

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
  readonly #cores: Cores<T>;
  #busyMs = 0;
  #slotMs = 0;
  #sampledAtMs = 0;
  #servingSlots = 0;
  #busySlots = 0;
  #lastEndpoint = 0;
  #lastClient = 0;
  #lastDispatch = 0;

  constructor(actions: PoolActions<T>, options: PoolOptions) {
    this.#actions = actions;
    this.#options = options;
    this.#cores = new Cores(this.#endpoints, this.#clients, (id, core) => this.load(id, core));
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
   * The endpoint is gone, and what it had in flight with it. `wasKilled`: from outside, so that a job which
   * was alone on it is not to blame, unless that goes on.
   */
  onEndpointLost(id: EndpointId, reason: string, wasKilled = false): void {
    const endpoint = this.#endpoints.get(id);
    if (!endpoint) return;
    this.#endpoints.delete(id);
    const jobs = [...endpoint.inFlight.values()];
    const isIsolating = this.#options.onLost === "isolate";
    for (const job of jobs.reverse()) {
      const client = this.#clients.get(job.client);
      if (client) client.inFlight -= 1;
      job.alone = isIsolating;
      const isCulprit = isIsolating && jobs.length === 1 &&
        (!wasKilled || job.attempt >= KILLED_ATTEMPTS_MAX);
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
      ordinal: 0,
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

  /** Endpoints whose oldest job, the one that runs, is wanted by nobody. */
  orphaned(): EndpointId[] {
    const ids: EndpointId[] = [];
    for (const { id, inFlight } of this.#endpoints.values()) {
      const [oldest] = inFlight.values();
      if (oldest?.isOrphan) ids.push(id);
    }
    return ids;
  }

  /** An endpoint that could load a core at once, preferably one that has none. */
  freeEndpoint(): EndpointId | undefined {
    let free: Endpoint<T> | undefined;
    for (const endpoint of this.#endpoints.values()) {
      if (endpoint.isFree && (!free || endpoint.core === undefined)) free = endpoint;
    }
    return free?.id;
  }

  /** Throws if the books do not balance. For tests: it looks at every job in flight. */
  audit(): void {
    audit(this.#endpoints, this.#clients);
  }

  // What to do.

  /** Gives cores to free endpoints and jobs to those that have room. Call it after a batch of events. */
  schedule(nowMs: number): void {
    this.#sampleBusy(nowMs);
    this.#cores.assign(nowMs);
    const tailCap = this.#tailCap();
    // First every slot gets one job, then windows are filled: few jobs spread over all endpoints.
    for (const endpoint of this.#endpoints.values()) {
      this.#fill(endpoint, Math.min(endpoint.pace.slots, this.#window(endpoint, tailCap)), nowMs);
    }
    for (const endpoint of this.#endpoints.values()) {
      this.#fill(endpoint, this.#window(endpoint, tailCap), nowMs);
    }
    this.#countBusy();
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
    this.#slotMs += this.#servingSlots * elapsedMs;
    this.#busyMs += this.#busySlots * elapsedMs;
  }

  /** For the time until the next pass: that comes when an answer has. */
  #countBusy(): void {
    this.#servingSlots = this.#busySlots = 0;
    for (const endpoint of this.#endpoints.values()) {
      if (!endpoint.isServing) continue;
      this.#servingSlots += endpoint.pace.slots;
      this.#busySlots += Math.min(endpoint.pace.slots, endpoint.inFlight.size);
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
      this.#send(endpoint, client, job, nowMs);
      if (job.alone) return;
    }
  }

  #send(endpoint: Endpoint<T>, client: Client<T>, job: Job<T>, nowMs: number): void {
    const dispatch = ++this.#lastDispatch as DispatchId;
    client.inFlight += 1;
    client.lastDispatch = dispatch;
    client.lastSentAtMs = nowMs;
    job.attempt += 1;
    job.sentAtMs = nowMs;
    endpoint.add(dispatch, job, nowMs);
    this.#actions.send(endpoint.id, dispatch, job);
  }

  /**
   * The client that has waited longest for its turn among those whose next job needs `core`. If that job
   * has to wait for an empty endpoint, the others wait with it: else there might never be one.
   */
  #clientForCore(core: CoreKey): Client<T> | undefined {
    let longest: Client<T> | undefined;
    for (const client of this.#clients.values()) {
      if (client.next?.core !== core) continue;
      if (!longest || client.lastDispatch < longest.lastDispatch) longest = client;
    }
    return longest;
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

  #failQueued(core: CoreKey, reason: string): void {
    for (const client of this.#clients.values()) {
      for (const job of client.takeWhere((queued) => queued.core === core)) {
        this.#actions.unrunnable(job, reason);
      }
    }
  }
}
