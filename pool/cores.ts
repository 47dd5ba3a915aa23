/** Decides which endpoint holds which core: has free endpoints load cores, and moves endpoints between cores. */

import type { Client } from "./client.ts";
import type { Endpoint } from "./endpoint.ts";
import { type CoreDemand, type Demands, nextCore, shouldYield } from "./fair_share.ts";
import { LoadFailures } from "./load_failures.ts";
import type { ClientId, CoreKey, EndpointId } from "./ids.ts";
import type { EndpointSet } from "./endpoint_set.ts";

/** How long an endpoint keeps a core even if other cores need endpoints: a change costs a new process. */
const CORE_QUANTUM_MS = 1_000;

/**
 * A slot that has just run a job keeps its core for this long although no job waits for it, unless no slot has the
 * other core: the next jobs of its client are on their way.
 */
const CORE_KEPT_MS = 50;

/** Which endpoints get their cores in the first, the second and the last round. */
const ROUNDS: readonly ((endpoint: Pick<Endpoint<unknown>, "isFree" | "isIdle">) => boolean)[] = [
  ({ isFree, isIdle }) => isFree && isIdle,
  ({ isFree, isIdle }) => isFree && !isIdle,
  ({ isFree }) => !isFree,
];

/** Assigns cores to a pool's endpoints. It shares the endpoints and clients with the pool. */
export class Cores<T> {
  readonly #endpoints: EndpointSet<T>;
  readonly #clients: ReadonlyMap<ClientId, Client<T>>;
  readonly #load: (endpoint: EndpointId, core: CoreKey) => void;
  readonly #isLocal: boolean;
  readonly #failures = new LoadFailures();
  /** Endpoints have been told in the last pass to yield their cores. */
  #isYielding = false;

  constructor(
    endpoints: EndpointSet<T>,
    clients: ReadonlyMap<ClientId, Client<T>>,
    isLocal: boolean,
    load: (endpoint: EndpointId, core: CoreKey) => void,
  ) {
    this.#isLocal = isLocal;
    this.#endpoints = endpoints;
    this.#clients = clients;
    this.#load = load;
  }

  onLoaded(endpoint: Endpoint<T>, nowMs: number): void {
    endpoint.onLoaded(nowMs);
    if (endpoint.core !== undefined) this.#failures.delete(endpoint.core);
  }

  /** `endpoint` is undefined if it was lost. Returns whether the core is given up. */
  onLoadFailed(endpoint: Endpoint<T> | undefined, core: CoreKey, nowMs: number): boolean {
    if (endpoint?.core === core) endpoint.onLoadFailed();
    this.#failures.add(core, nowMs);
    if (!this.#failures.isExhausted(core)) return false;
    for (const other of this.#endpoints.values()) if (other.core === core) return false;
    this.#failures.delete(core);
    return true;
  }

  /**
   * Assigns cores anew. Idle endpoints come first, then free ones that may get no job now: a busy one yields its core
   * only if there are too few of these.
   */
  assign(nowMs: number): void {
    const cores = this.#wanted(nowMs);
    this.#failures.keepOnly(cores);
    if (cores.size === 0 || this.#isSettled(cores)) return;
    const demands = this.#demands(cores, nowMs);
    this.#isYielding = false;
    for (const isNext of ROUNDS) {
      for (const endpoint of this.#endpoints.values()) {
        if (isNext(endpoint)) this.#assignTo(endpoint, demands, nowMs);
      }
    }
  }

  #assignTo(endpoint: Endpoint<T>, demands: Demands, nowMs: number): void {
    endpoint.setYielding(false);
    if (!mayChange(endpoint, demands, nowMs)) return;
    const { core } = endpoint;
    const current = core === undefined ? undefined : demands.cores.get(core);
    const isKept = this.#isLocal && nowMs - endpoint.usedAtMs < CORE_KEPT_MS && !current;
    const fits = (other: CoreKey) => !isKept || demands.cores.get(other)?.held === 0;
    const next = nextCore(
      demands,
      (other) => other !== core && fits(other) && this.#mayLoad(other, nowMs),
      current ? 0 : -Infinity,
    );
    if (next === undefined) return;
    const { isFree, isIdle } = endpoint;
    count(demands.cores.get(next), 1, true);
    count(current, -1, isIdle);
    if (isFree) return this.#load(endpoint.id, next);
    endpoint.setYielding(true);
    this.#isYielding = true;
  }

  /** A core that keeps failing to load is not tried again until all its loads have ended: it may be given up then. */
  #mayLoad(core: CoreKey, nowMs: number): boolean {
    if (this.#failures.isPaused(core, nowMs)) return false;
    if (!this.#failures.isExhausted(core)) return true;
    for (const { isLoading, core: other } of this.#endpoints.values()) {
      if (isLoading && other === core) return false;
    }
    return true;
  }

  /**
   * Whether no endpoint would change, as in most passes: jobs need one core, which all endpoints hold, or for which
   * enough of them are idle. (Jobs that avoid endpoints may not be able to run in the idle ones.) An endpoint that
   * yields its core may have to keep it: the jobs that needed another one may be gone.
   */
  #isSettled(cores: ReadonlyMap<CoreKey, CoreDemand>): boolean {
    if (cores.size > 1 || this.#isYielding) return false;
    for (const [core, { queued }] of cores) {
      const { held, idle } = this.#endpoints.holdersOf(core);
      if (held === this.#endpoints.sums.staying) return true;
      for (const client of this.#clients.values()) if (client.hasAvoiding) return false;
      return idle >= queued;
    }
    return true;
  }

  /** The cores that jobs wait for, without their endpoints. */
  #wanted(nowMs: number): Map<CoreKey, CoreDemand> {
    const cores = new Map<CoreKey, CoreDemand>();
    for (const client of this.#clients.values()) {
      const { next } = client;
      if (!next) continue;
      const demand = cores.get(next.core) ?? newDemand();
      demand.clients += 1;
      demand.queued += client.queued;
      demand.waitedMs += nowMs - Math.max(client.lastSentAtMs, next.queuedAtMs);
      cores.set(next.core, demand);
    }
    return cores;
  }

  /** Counts the endpoints of the cores. */
  #demands(cores: Map<CoreKey, CoreDemand>, nowMs: number): Demands {
    let endpoints = 0;
    for (const endpoint of this.#endpoints.values()) {
      if (endpoint.isLeaving) continue;
      endpoints += 1;
      if (endpoint.core === undefined) continue;
      count(cores.get(endpoint.core), 1, this.#isIdleFor(endpoint, nowMs));
    }
    return { cores, endpoints };
  }

  /** Whether the endpoint is idle and may run a queued job of its core: anti-affinity may forbid it. */
  #isIdleFor(endpoint: Endpoint<T>, nowMs: number): boolean {
    if (!endpoint.isIdle) return false;
    for (const client of this.#clients.values()) {
      if (client.nextFor(endpoint, nowMs, false)?.core === endpoint.core) return true;
    }
    return false;
  }
}

/** Whether an endpoint may get another core now. */
function mayChange<T>(endpoint: Endpoint<T>, demands: Demands, nowMs: number): boolean {
  if (endpoint.isLoading || endpoint.isLeaving) return false;
  const { core } = endpoint;
  if (core === undefined || !demands.cores.has(core)) return true;
  return nowMs - endpoint.loadedAtMs >= CORE_QUANTUM_MS && shouldYield(demands, core);
}

function newDemand(): CoreDemand {
  return { clients: 0, queued: 0, waitedMs: 0, held: 0, idle: 0 };
}

/** Counts an endpoint that now holds a core (1), or no longer does (-1). */
function count(demand: CoreDemand | undefined, change: 1 | -1, isIdle: boolean): void {
  if (!demand) return;
  demand.held += change;
  if (isIdle) demand.idle += change;
}
