/** Read-only queries about a pool's endpoints, clients and jobs. */

import type { Client } from "./client.ts";
import type { ClientId, DispatchId, EndpointId } from "./ids.ts";
import { isInFlight, isWanted, type Job } from "./job.ts";
import { EndpointSet } from "./endpoint_set.ts";
import type { CurrentJob, PoolCounts, PoolOptions } from "./types.ts";
import { Utilization } from "./utilization.ts";

/** The part of a pool that answers queries. */
export class PoolView<T> {
  protected readonly options: PoolOptions;
  protected readonly endpoints: EndpointSet<T>;
  protected readonly clients = new Map<ClientId, Client<T>>();
  protected readonly usage = new Utilization();

  constructor(options: PoolOptions) {
    this.options = options;
    this.endpoints = new EndpointSet<T>(options.isLocal);
  }

  counts(): PoolCounts {
    let queued = 0, queuedBytes = 0;
    for (const client of this.clients.values()) {
      queued += client.queued;
      queuedBytes += client.queuedBytes;
    }
    const { slots, slotsBusy, unreported, inFlight } = this.endpoints.sums;
    const endpoints = this.endpoints.size;
    const slotsAreKnown = unreported === 0;
    return { endpoints, slots, slotsBusy, slotsAreKnown, queued, queuedBytes, inFlight };
  }

  /** How many jobs all ready endpoints together should have in flight. */
  capacity(): number {
    return this.endpoints.sums.window;
  }

  /** How many jobs and bytes one client has queued. */
  queueOf(id: ClientId): { queued: number; queuedBytes: number } {
    const client = this.clients.get(id);
    return { queued: client?.queued ?? 0, queuedBytes: client?.queuedBytes ?? 0 };
  }

  /** How many slots one endpoint has, as reported or as estimated. */
  slotsAt(id: EndpointId): number {
    return this.endpoints.get(id)?.pace.slots ?? 0;
  }

  /** How many jobs one endpoint has in flight. */
  inFlightAt(id: EndpointId): number {
    return this.endpoints.get(id)?.inFlight.size ?? 0;
  }

  /** The part of the ready slots' time in which they had a job, from 0 to 1. */
  get utilization(): number {
    return this.usage.part;
  }

  /** Whether the endpoint could load a core now. */
  isFree(id: EndpointId): boolean {
    return this.endpoints.get(id)?.isFree ?? false;
  }

  /** The job that each busy endpoint has started last, if `begunLast` knows it; otherwise its oldest job. */
  currentJobs(begunLast?: (endpoint: EndpointId) => DispatchId | undefined): CurrentJob<T>[] {
    const current: CurrentJob<T>[] = [];
    for (const { id: endpoint, inFlight } of this.endpoints.values()) {
      const { oldest } = inFlight;
      if (!oldest) continue;
      const begun = begunLast?.(endpoint);
      const job = begun === undefined ? undefined : inFlight.get(begun);
      if (begun !== undefined && job) {
        current.push({ endpoint, dispatch: begun, job, hasBegun: true });
      } else if (isInFlight(oldest)) {
        current.push({ endpoint, dispatch: oldest.dispatch, job: oldest, hasBegun: false });
      }
    }
    return current;
  }

  /** Whether the job's result is still wanted. */
  isWanted(job: Job<T>): boolean {
    return isWanted(job);
  }

  /** Whether the job is at an endpoint now. */
  isInFlight(job: Job<T>): boolean {
    return isInFlight(job);
  }

  /** The endpoint where the job is in flight, and its dispatch there. */
  locate(
    job: Job<T>,
  ): { readonly endpoint: EndpointId; readonly dispatch: DispatchId } | undefined {
    return isInFlight(job) ? job : undefined;
  }

  /** The job that an endpoint has in flight under a dispatch, if its result is still wanted. */
  jobAt(id: EndpointId, dispatch: DispatchId): Job<T> | undefined {
    const job = this.endpoints.get(id)?.inFlight.get(dispatch);
    return job && isWanted(job) ? job : undefined;
  }

  /** Jobs in flight at one endpoint whose results are still wanted, the oldest first. */
  jobsAt(id: EndpointId, jobsMax = Infinity): Job<T>[] {
    const jobs: Job<T>[] = [];
    for (const job of this.endpoints.get(id)?.inFlight ?? []) {
      if (jobs.length >= jobsMax) break;
      if (isWanted(job)) jobs.push(job);
    }
    return jobs;
  }

  /** The jobs in the slots of one endpoint, as far as its answers tell, whose results are still wanted. */
  inSlotsAt(id: EndpointId): Job<T>[] {
    return [...this.endpoints.get(id)?.begun() ?? []].filter(isWanted);
  }

  /** Jobs in flight whose results are still wanted, the oldest of each endpoint first. */
  *inFlight(): Iterable<Job<T>> {
    for (const { inFlight } of this.endpoints.values()) {
      for (const job of inFlight) if (isWanted(job)) yield job;
    }
  }

  /** The same that were sent before a time. Looks at no more of each endpoint than these: there may be many others. */
  *sentBefore(timeMs: number): Iterable<Job<T>> {
    for (const { inFlight } of this.endpoints.values()) {
      for (const job of inFlight) {
        if (job.sentAtMs >= timeMs) break;
        if (isWanted(job)) yield job;
      }
    }
  }

  /** Jobs in flight that have certainly not started. */
  unstarted(nowMs: number): Job<T>[] {
    return [...this.endpoints.values()].flatMap((endpoint) => endpoint.unstarted(nowMs));
  }

  /** A client's jobs, in flight or queued, whose results are still wanted. */
  *jobsOf(id: ClientId): Generator<Job<T>> {
    for (const job of this.inFlight()) if (job.client === id) yield job;
    yield* this.clients.get(id)?.jobs() ?? [];
  }

  /** The endpoints that get jobs. */
  ready(): EndpointId[] {
    return [...this.endpoints.values()].filter(({ isReady }) => isReady).map(({ id }) => id);
  }

  /** The ready endpoints that have answered a job. */
  answering(): EndpointId[] {
    return [...this.endpoints.values()]
      .filter(({ isReady, hasAnswered }) => isReady && hasAnswered)
      .map(({ id }) => id);
  }

  /** The endpoints that have jobs, and have never answered one. */
  unanswering(): EndpointId[] {
    return [...this.endpoints.values()]
      .filter(({ inFlight, hasAnswered }) => inFlight.size > 0 && !hasAnswered)
      .map(({ id }) => id);
  }

  /** Whether the endpoint is ready and has a slot without a job. */
  hasIdleSlot(id: EndpointId): boolean {
    const endpoint = this.endpoints.get(id);
    return endpoint !== undefined && endpoint.isReady &&
      endpoint.inFlight.size < endpoint.pace.slots;
  }

  /**
   * The idle slots of ready endpoints, up to `wanted` of each endpoint; an endpoint is listed once for each slot.
   * Endpoints that have answered come first: of the others nobody knows whether they will.
   */
  idleSlots(wanted: number): EndpointId[] {
    const idle: EndpointId[] = [];
    const unknown: EndpointId[] = [];
    for (const endpoint of this.endpoints.values()) {
      if (!endpoint.isReady) continue;
      const slots = Math.min(endpoint.pace.slots, endpoint.jobsMax);
      const free = Math.max(0, slots - endpoint.inFlight.size);
      const list = endpoint.hasAnswered ? idle : unknown;
      for (let count = 0; count < Math.min(free, wanted); count++) list.push(endpoint.id);
    }
    return idle.concat(unknown);
  }

  /** When the last job came back from an endpoint that has a core. */
  get usedAtMs(): number {
    let usedAtMs = -Infinity;
    for (const { core, usedAtMs: atMs } of this.endpoints.values()) {
      if (core !== undefined) usedAtMs = Math.max(usedAtMs, atMs);
    }
    return usedAtMs;
  }

  /** An endpoint that could load a core now, preferably one without a core, or else one that may get jobs. */
  freeEndpoint(): EndpointId | undefined {
    const free = [...this.endpoints.values()].filter(({ isFree }) => isFree);
    const best = free.find(({ core }) => core === undefined) ?? free.find(({ isIdle }) => isIdle);
    return (best ?? free[0])?.id;
  }

  /** The free endpoints that have no core. */
  emptyEndpoints(): EndpointId[] {
    return [...this.endpoints.values()]
      .filter(({ isFree, core }) => isFree && core === undefined)
      .map(({ id }) => id);
  }
}
