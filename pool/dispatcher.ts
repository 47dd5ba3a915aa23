/** Decides which jobs go to which endpoint: keeps windows full, and is fair to clients. */

import type { Client } from "./client.ts";
import type { Endpoint } from "./endpoint.ts";
import type { ClientId, CoreKey, DispatchId, EndpointId } from "./ids.ts";
import type { Job } from "./job.ts";
import type { PoolActions, PoolOptions } from "./types.ts";

/** A slot that runs one job for longer gets no job behind it: its pace was measured with shorter jobs. */
const LONG_JOB_MS = 20;

/** Few jobs are shared out in rounds. After each, an endpoint may have so many times as many jobs as after the last. */
const LEVEL_FACTOR = 4;

/** There are enough jobs for all slots. */
const ONE_LEVEL: readonly number[] = [Infinity];

/** Sends the jobs of a pool's clients to its endpoints. It shares the maps with the pool. */
export class Dispatcher<T> {
  readonly #endpoints: ReadonlyMap<EndpointId, Endpoint<T>>;
  readonly #clients: ReadonlyMap<ClientId, Client<T>>;
  readonly #options: PoolOptions;
  readonly #actions: Pick<PoolActions<T>, "send">;
  /** How many endpoints are ready; counted once per pass. */
  #ready = 0;
  #lastDispatch = 0;

  constructor(
    endpoints: ReadonlyMap<EndpointId, Endpoint<T>>,
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
    this.#ready = 0;
    let slots = 0, slotsMax = 0;
    for (const endpoint of this.#endpoints.values()) {
      if (!endpoint.isReady) continue;
      this.#ready += 1;
      slots += endpoint.pace.slots;
      slotsMax = Math.max(slotsMax, endpoint.pace.slots);
    }
    const tailCap = this.#tailCap(nowMs);
    // First every slot gets one job, then windows are filled, so that a few jobs spread over all endpoints.
    for (const jobsMax of this.#levels(slots, slotsMax)) {
      for (const endpoint of this.#endpoints.values()) {
        const window = Math.min(endpoint.pace.slots, this.#window(endpoint, tailCap));
        this.#fill(endpoint, Math.min(jobsMax, window), nowMs);
      }
    }
    for (const endpoint of this.#endpoints.values()) {
      this.#fill(endpoint, this.#window(endpoint, tailCap), nowMs);
    }
  }

  /**
   * How many jobs endpoints get before any of them gets more. If there are fewer jobs than slots, one that claims
   * very many slots, and may never answer, must not get them all.
   */
  #levels(slots: number, slotsMax: number): readonly number[] {
    if (this.#ready < 2 || slotsMax === 1) return ONE_LEVEL;
    let queued = 0;
    for (const client of this.#clients.values()) queued += client.queued;
    if (queued === 0 || queued >= slots) return ONE_LEVEL;
    const levels: number[] = [];
    for (let level = 1; level < slotsMax; level *= LEVEL_FACTOR) levels.push(level);
    return [...levels, Infinity];
  }

  #fill(endpoint: Endpoint<T>, window: number, nowMs: number): void {
    if (!endpoint.isReady || endpoint.isReserved) return;
    while (endpoint.inFlight.size < window) {
      if (
        endpoint.inFlight.size >= endpoint.pace.slots &&
        endpoint.bytesInFlight >= this.#options.endpointBytesMax
      ) return;
      const client = this.#clientFor(endpoint, window, nowMs);
      const job = client?.nextFor(endpoint, nowMs, this.#ready <= 1);
      if (!client || !job || job.core !== endpoint.core) return;
      if (
        endpoint.inFlight.size > 0 &&
        endpoint.bytesInFlight + job.bytes > (this.#options.endpointBytesLimit ?? Infinity)
      ) return;
      if (job.isIsolated && endpoint.inFlight.size > 0) return;
      client.take(job);
      this.#dispatch(endpoint, client, job, nowMs);
      if (job.isIsolated) return;
    }
  }

  #dispatch(endpoint: Endpoint<T>, client: Client<T>, job: Job<T>, nowMs: number): void {
    const dispatch = ++this.#lastDispatch as DispatchId;
    client.inFlight += 1;
    client.lastDispatch = dispatch;
    client.lastSentAtMs = nowMs;
    endpoint.add(dispatch, job, nowMs);
    this.#actions.send(endpoint.id, dispatch, job);
  }

  /** The client whose job the endpoint gets next. */
  #clientFor(endpoint: Endpoint<T>, window: number, nowMs: number): Client<T> | undefined {
    const core = endpoint.core as CoreKey;
    const isBehind = endpoint.inFlight.size >= endpoint.pace.slots;
    if (!this.#options.isLocal || !isBehind) return this.#longestWaiting(core);
    return this.#mayGoBehind(endpoint, core, window, nowMs)
      ? this.#clients.get(endpoint.turn.client as ClientId)
      : undefined;
  }

  /**
   * Whether a slot gets a job behind the one that it runs. The job must be of the same client, because no job
   * should wait behind another client's while other slots become free. If other clients wait, a turn is at most
   * one window, and no more jobs than any of them has queued: otherwise a client with few jobs would get fewer
   * and fewer slots.
   */
  #mayGoBehind(endpoint: Endpoint<T>, core: CoreKey, window: number, nowMs: number): boolean {
    if (nowMs - endpoint.oldestSinceMs > LONG_JOB_MS) return false;
    const { client: own, jobs } = endpoint.turn;
    for (const other of this.#clients.values()) {
      if (other.id === own || other.next?.core !== core) continue;
      if (jobs >= Math.min(window, other.queued)) return false;
    }
    return true;
  }

  /**
   * The client that has waited longest for its turn, among those whose next job needs `core`. If that job
   * needs an empty endpoint, the jobs of other clients wait as well: otherwise no endpoint might become empty.
   */
  #longestWaiting(core: CoreKey): Client<T> | undefined {
    let longest: Client<T> | undefined;
    for (const client of this.#clients.values()) {
      if (client.next?.core !== core) continue;
      if (!longest || client.lastDispatch < longest.lastDispatch) longest = client;
    }
    return longest;
  }

  #window(endpoint: Endpoint<T>, tailCap: number): number {
    const { slots } = endpoint.pace;
    const window = endpoint.window(this.#options.isLocal);
    return Math.min(window, Math.max(slots, Math.ceil(tailCap * slots)));
  }

  /** The most jobs in flight per slot near the end of a run: none should wait behind a slow one while a slot is idle. */
  #tailCap(nowMs: number): number {
    let remaining = 0;
    for (const client of this.#clients.values()) {
      // The client may submit more jobs at any time: this is not the end of the run.
      if (!client.isEnded && !this.#options.isLocal) return Infinity;
      remaining += client.queued + client.inFlight;
    }
    let slots = 0;
    for (const endpoint of this.#endpoints.values()) {
      if (!endpoint.isReady) continue;
      // What it has claims nothing of the others: its slots are busy for long, or it never answers.
      if (endpoint.isSilent(nowMs)) remaining -= endpoint.inFlight.size;
      else slots += endpoint.pace.slots;
    }
    return remaining / (2 * Math.max(1, slots));
  }
}
