/** Decides which jobs go to which endpoint: keeps windows full, and is fair to clients. */

import type { Client } from "./client.ts";
import type { Endpoint } from "./endpoint.ts";
import type { ClientId, CoreKey } from "./ids.ts";
import type { Job } from "./job.ts";
import { DEEP_WINDOW } from "./pace.ts";
import type { EndpointSet } from "./endpoint_set.ts";
import type { PoolActions, PoolOptions } from "./types.ts";

/** A slot that runs one job for longer gets no job behind it: its pace was measured with shorter jobs. */
const LONG_JOB_MS = 20;

/**
 * When there are too few jobs to fill all windows, they are dealt out in rounds. Each round lets an endpoint hold this
 * many times more jobs than the one before.
 */
const LEVEL_FACTOR = 4;

/**
 * A deep window is filled up once no more than this part of it is in use. To send single jobs as soon as single answers
 * come costs a write, a read and a wake-up each time.
 */
const REFILL_PART = 1 / 2;

/** How often it is checked which endpoints are silent. */
const SILENCE_CHECK_MS = 100;

/** The levels if there are enough jobs for all slots. */
const ONE_LEVEL: readonly number[] = [Infinity];

/** Whether an endpoint has room for another job after it got what there was. */
type Room = "none" | "some";

/** Sends the jobs of a pool's clients to its endpoints. It shares the endpoints and clients with the pool. */
export class Dispatcher<T> {
  readonly #endpoints: EndpointSet<T>;
  readonly #clients: ReadonlyMap<ClientId, Client<T>>;
  readonly #options: PoolOptions;
  readonly #actions: Pick<PoolActions<T>, "send">;
  /** The tail limit of the last pass, with which full endpoints were found full. A higher one may give them room. */
  #tailCapLast = Infinity;
  /** How many jobs were sent. */
  #sent = 0;
  /** Ready endpoints that are silent: their slots, and their jobs in flight. */
  #silent = { slots: 0, inFlight: 0, checkedAtMs: -Infinity };

  constructor(
    endpoints: EndpointSet<T>,
    clients: ReadonlyMap<ClientId, Client<T>>,
    options: PoolOptions,
    actions: Pick<PoolActions<T>, "send">,
  ) {
    this.#endpoints = endpoints;
    this.#clients = clients;
    this.#options = options;
    this.#actions = actions;
  }

  /** Sends jobs to all endpoints that have room. */
  dispatchAll(nowMs: number): void {
    if (!this.#hasJobs) return;
    const tailCap = this.#tailCap(nowMs);
    if (tailCap > this.#tailCapLast) this.#endpoints.onRoomAnywhere();
    this.#tailCapLast = tailCap;
    // First every slot gets one job, then windows are filled, so that a few jobs spread over all endpoints.
    for (const jobsMax of this.#levels()) {
      for (const endpoint of this.#endpoints.open) {
        const window = Math.min(endpoint.pace.slots, this.#window(endpoint, tailCap));
        const room = this.#fill(endpoint, Math.min(jobsMax, window), nowMs);
        if (room === "some" && !this.#hasJobs) return;
      }
    }
    this.#endpoints.closeFull((endpoint) => {
      const window = this.#window(endpoint, tailCap);
      if (!isRefilled(endpoint, window)) return true;
      const room = this.#fill(endpoint, window, nowMs);
      endpoint.pace.onFilled(this.#options.isLocal);
      return room === "some";
    });
  }

  /** Whether any client has a job that may be sent. */
  get #hasJobs(): boolean {
    for (const client of this.#clients.values()) if (client.next) return true;
    return false;
  }

  /**
   * How many jobs endpoints get before any of them gets more. If there are fewer jobs than slots, one that claims
   * very many slots, and may never answer, must not get them all.
   */
  #levels(): readonly number[] {
    const { sums: { ready, slots }, slotsMax } = this.#endpoints;
    if (ready < 2 || slotsMax === 1) return ONE_LEVEL;
    let queued = 0;
    for (const client of this.#clients.values()) queued += client.queued;
    if (queued === 0 || queued >= slots) return ONE_LEVEL;
    const levels: number[] = [];
    for (let level = 1; level < slotsMax; level *= LEVEL_FACTOR) levels.push(level);
    return [...levels, Infinity];
  }

  #fill(endpoint: Endpoint<T>, window: number, nowMs: number): Room {
    if (!endpoint.isReady || endpoint.isReserved || endpoint.inFlight.size >= window) return "none";
    const isOnly = this.#endpoints.sums.ready <= 1; // asked once: each job that is sent changes other sums
    while (endpoint.inFlight.size < window) {
      if (endpoint.holdsEnough(this.#options.endpointBytesMax)) return "none";
      const job = this.#jobFor(endpoint, window, nowMs, isOnly);
      const client = job && this.#clients.get(job.client);
      if (!client) return "some";
      if (
        endpoint.inFlight.size > 0 &&
        endpoint.bytesInFlight + job.bytes > (this.#options.endpointBytesLimit ?? Infinity)
      ) return "some";
      if (job.isIsolated && endpoint.inFlight.size > 0) return "some";
      client.take(job);
      this.#dispatch(endpoint, client, job, nowMs);
      if (job.isIsolated) return "none";
    }
    return "none";
  }

  #dispatch(endpoint: Endpoint<T>, client: Client<T>, job: Job<T>, nowMs: number): void {
    client.inFlight += 1;
    client.lastSentNumber = ++this.#sent;
    client.lastSentAtMs = nowMs;
    const dispatch = endpoint.add(job, nowMs);
    this.#actions.send(endpoint.id, dispatch, job);
  }

  /** The job that the endpoint gets next. */
  #jobFor(
    endpoint: Endpoint<T>,
    window: number,
    nowMs: number,
    isOnly: boolean,
  ): Job<T> | undefined {
    const core = endpoint.core as CoreKey;
    const isBehind = endpoint.inFlight.size >= endpoint.pace.slots;
    if (!this.#options.isLocal || !isBehind) return this.#longestWaiting(endpoint, nowMs, isOnly);
    if (!this.#mayGoBehind(endpoint, core, window, nowMs)) return undefined;
    const job = this.#clients.get(endpoint.lastClient as ClientId)?.nextFor(
      endpoint,
      nowMs,
      isOnly,
    );
    return job?.core === core ? job : undefined;
  }

  /**
   * Whether a slot gets a job behind the one that it runs. The job must be of the same client, because no job
   * should wait behind another client's while other slots become free. If other clients wait, it gets at most
   * one window in a row, and no more jobs than any of them has queued: otherwise a client with few jobs would get
   * fewer and fewer slots.
   */
  #mayGoBehind(endpoint: Endpoint<T>, core: CoreKey, window: number, nowMs: number): boolean {
    if (nowMs - endpoint.oldestSinceMs > LONG_JOB_MS) return false;
    const { lastClient: own, jobsInARow } = endpoint;
    for (const other of this.#clients.values()) {
      if (other.id === own || other.next?.core !== core) continue;
      if (jobsInARow >= Math.min(window, other.queued)) return false;
    }
    return true;
  }

  /**
   * The next job of the client with the highest priority; among several, of the one that has waited longest. Clients
   * that have none for this endpoint are passed over: all theirs may have to avoid it. If that job needs an empty
   * endpoint, the jobs of other clients wait as well: otherwise no endpoint might become empty.
   */
  #longestWaiting(endpoint: Endpoint<T>, nowMs: number, isOnly: boolean): Job<T> | undefined {
    let longest: Client<T> | undefined, next: Job<T> | undefined;
    for (const client of this.#clients.values()) {
      if (longest && !goesBefore(client, longest)) continue;
      const job = client.nextFor(endpoint, nowMs, isOnly);
      if (!job || job.core !== endpoint.core) continue;
      longest = client;
      next = job;
    }
    return next;
  }

  #window(endpoint: Endpoint<T>, tailCap: number): number {
    const { slots } = endpoint.pace;
    const window = endpoint.window(this.#options.isLocal);
    return Math.min(window, Math.max(slots, Math.ceil(tailCap * slots)));
  }

  /**
   * The most jobs in flight per slot near the end of a run: none should wait behind a slow one while a slot is idle. A
   * worker never knows whether more jobs come. With two for each slot, it has each slot fetch one ahead: in a run that
   * goes on, it has no more than these while they take some milliseconds, and the controller sends fewer near the end.
   */
  #tailCap(nowMs: number): number {
    let remaining = 0;
    for (const client of this.#clients.values()) {
      // The client may submit more jobs at any time: this is not the end of the run.
      if (!client.isEnded && !this.#options.isLocal) return Infinity;
      remaining += client.queued + client.inFlight;
    }
    this.#checkForSilent(nowMs);
    // Jobs and slots of silent endpoints are left out: those slots are busy for long, or never answer.
    const slots = this.#endpoints.sums.slots - this.#silent.slots;
    const perSlot = (remaining - this.#silent.inFlight) / Math.max(1, slots);
    return this.#options.isLocal && perSlot >= 2 ? Math.max(2, perSlot / 2) : perSlot / 2;
  }

  #checkForSilent(nowMs: number): void {
    if (nowMs - this.#silent.checkedAtMs < SILENCE_CHECK_MS) return;
    this.#silent = { slots: 0, inFlight: 0, checkedAtMs: nowMs };
    for (const endpoint of this.#endpoints.values()) {
      if (!endpoint.isReady || !endpoint.isSilent(nowMs)) continue;
      this.#silent.slots += endpoint.pace.slots;
      this.#silent.inFlight += endpoint.inFlight.size;
    }
  }
}

function goesBefore<T>(one: Client<T>, other: Client<T>): boolean {
  if (one.priority !== other.priority) return one.priority > other.priority;
  return one.lastSentNumber < other.lastSentNumber;
}

/** Whether it is time to fill up a window: a deep one waits until it has room for many jobs. */
function isRefilled<T>({ inFlight, pace }: Endpoint<T>, window: number): boolean {
  return window < DEEP_WINDOW * pace.slots || inFlight.size <= REFILL_PART * window;
}
