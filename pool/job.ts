/**
 * A job's state, and the lists in which jobs wait. Only the functions here change a job. For all other code it
 * is read-only, and has only the fields of its current state.
 *
 * At run time all states share one flat object: a job goes through three states, and an object for each would
 * add a tenth to the cost of a job (measured with `deno task bench:noop`).
 */

import type { ClientId, CoreKey, DispatchId, EndpointId } from "./ids.ts";

/** It waits in a list of its client, between two other jobs. */
interface Queued<T> {
  readonly state: "queued";
  readonly list: JobList<T>;
  readonly previous: Job<T> | undefined;
  readonly next: Job<T> | undefined;
}

/** It is at an endpoint. `abandoned`: its result is no longer wanted. */
interface AtEndpoint {
  readonly state: "sent" | "abandoned";
  readonly endpoint: EndpointId;
  readonly dispatch: DispatchId;
}

/** It is new, was answered or has failed. From here it may be queued. */
interface Outside {
  readonly state: "outside";
  /** Its last endpoint, if it had one. */
  readonly endpoint: EndpointId | undefined;
}

/** It has left the pool, and its result is no longer wanted. */
interface Canceled {
  readonly state: "canceled";
}

/** The endpoints that a job should avoid. */
export interface AntiAffinity {
  readonly endpoints: readonly EndpointId[];
  /** The job must not run on them, however long it waits for another endpoint. Otherwise this is a preference. */
  readonly isRequired: boolean;
}

/** The fields of a job in every state. */
interface Facts<T> {
  client: ClientId;
  core: CoreKey;
  /** Its size, for limits on bytes. */
  bytes: number;
  /** The data of the pool's owner. */
  payload: T;
  /** The endpoint that has its data, so that it had better run there. */
  dataAt: EndpointId | undefined;
  /** When it was queued for the first time. */
  addedAtMs: number;
  /** When it was queued last. */
  queuedAtMs: number;
  /** How often it was sent; 1 during its first run. */
  attempt: number;
  /** When it was sent last. */
  sentAtMs: number;
  /** When it began at its endpoint, if it has: it may have waited there for others. */
  beganAtMs: number;
  /** It must be the only job in flight at its endpoint, to find out whether it crashes endpoints. */
  isIsolated: boolean;
  antiAffinity: AntiAffinity;
  /** How many endpoints were lost that may have been running it. A killed endpoint counts only a fraction. */
  crashCount: number;
}

/** A job. Its `state` determines which fields it has. */
export type Job<T> = Readonly<Facts<T>> & (Queued<T> | AtEndpoint | Outside | Canceled);

/** A job as it is stored: mutable, with the fields of all states. */
interface JobRecord<T> extends Facts<T> {
  state: Job<T>["state"];
  endpoint: EndpointId | undefined;
  dispatch: DispatchId | undefined;
  list: JobList<T> | undefined;
  previous: JobRecord<T> | undefined;
  next: JobRecord<T> | undefined;
}

/** Most jobs may run anywhere. */
const ANYWHERE: AntiAffinity = { endpoints: [], isRequired: false };

/** Makes a job that is not queued yet. */
export function newJob<T>(
  client: ClientId,
  core: CoreKey,
  bytes: number,
  payload: T,
  nowMs: number,
  dataAt?: EndpointId,
): Job<T> {
  const record: JobRecord<T> = {
    client,
    core,
    bytes,
    payload,
    dataAt,
    state: "outside",
    addedAtMs: nowMs,
    queuedAtMs: nowMs,
    attempt: 0,
    sentAtMs: 0,
    beganAtMs: 0,
    isIsolated: false,
    antiAffinity: ANYWHERE,
    crashCount: 0,
    endpoint: undefined,
    dispatch: undefined,
    list: undefined,
    previous: undefined,
    next: undefined,
  };
  return record as Job<T>;
}

/** Makes a second copy of a job, which must not run on any of `endpoints`. */
export function copyOf<T>(job: Job<T>, endpoints: readonly EndpointId[], nowMs: number): Job<T> {
  const copy = recordOf(newJob(job.client, job.core, job.bytes, job.payload, nowMs));
  copy.addedAtMs = job.addedAtMs;
  copy.attempt = job.attempt;
  copy.crashCount = job.crashCount;
  copy.antiAffinity = { endpoints, isRequired: true };
  return copy as Job<T>;
}

function recordOf<T>(job: Job<T>): JobRecord<T> {
  return job as unknown as JobRecord<T>;
}

/** Whether the job's result is still wanted. */
export function isWanted<T>({ state }: Job<T>): boolean {
  return state !== "abandoned" && state !== "canceled";
}

/** Whether the job is at an endpoint. */
export function isInFlight<T>(job: Job<T>): job is Job<T> & AtEndpoint {
  return job.state === "sent" || job.state === "abandoned";
}

/** The job is sent to an endpoint. */
export function markSent<T>(
  job: Job<T>,
  endpoint: EndpointId,
  dispatch: DispatchId,
  nowMs: number,
): void {
  if (job.state !== "outside") throw wrongState("send", job);
  const record = recordOf(job);
  record.state = "sent";
  record.endpoint = endpoint;
  record.dispatch = dispatch;
  record.attempt += 1;
  record.sentAtMs = nowMs;
}

/** A slot of its endpoint is free for the job. */
export function markBegun<T>(job: Job<T>, nowMs: number): void {
  recordOf(job).beganAtMs = nowMs;
}

/** The job is no longer at its endpoint. */
export function markBack<T>(job: Job<T>): void {
  if (!isInFlight(job)) throw wrongState("take back", job);
  recordOf(job).state = job.state === "sent" ? "outside" : "canceled";
}

/** The endpoint has not started the job, so that its last sending does not count as an attempt. */
export function undoAttempt<T>(job: Job<T>): void {
  recordOf(job).attempt -= 1;
}

/** The job's result is no longer wanted. */
export function markUnwanted<T>(job: Job<T>): void {
  if (job.state === "queued") throw wrongState("cancel", job);
  if (job.state === "sent") recordOf(job).state = "abandoned";
  if (job.state === "outside") recordOf(job).state = "canceled";
}

/** The job's endpoint was lost, and the job may be to blame. */
export function addCrash<T>(job: Job<T>, weight: number): void {
  recordOf(job).crashCount += weight;
}

/** Another copy of the job has ended: its crashes count for this copy, too. */
export function inheritCrashes<T>(job: Job<T>, from: Job<T>): void {
  recordOf(job).crashCount = Math.max(job.crashCount, from.crashCount);
}

/** Sets whether the job must be alone at its next endpoint. */
export function isolate<T>(job: Job<T>, isIsolated: boolean): void {
  recordOf(job).isIsolated = isIsolated;
}

/** Sets which endpoints the job avoids. It must not be queued, as its place in the queue depends on this. */
export function avoid<T>(job: Job<T>, antiAffinity: AntiAffinity): void {
  if (job.state !== "outside") throw wrongState("change the anti-affinity of", job);
  recordOf(job).antiAffinity = antiAffinity;
}

/** The job avoids its last endpoint from now on, if there is another one. */
export function avoidLastEndpoint<T>(job: Job<T>): void {
  if (job.state !== "outside" || job.endpoint === undefined) return;
  // A required anti-affinity stays: it is more important than avoiding the endpoint where the job failed.
  if (job.antiAffinity.isRequired) return;
  recordOf(job).antiAffinity = { endpoints: [job.endpoint], isRequired: false };
}

/** Turns a required anti-affinity into a preference. */
export function allowAnywhere<T>(job: Job<T>): void {
  const { endpoints, isRequired } = job.antiAffinity;
  if (isRequired) recordOf(job).antiAffinity = { endpoints, isRequired: false };
}

/** The job's time in the queue counts from now on. */
export function markQueuedAt<T>(job: Job<T>, nowMs: number): void {
  recordOf(job).queuedAtMs = nowMs;
}

function wrongState<T>(what: string, { state }: Job<T>): TypeError {
  return new TypeError(`Cannot ${what} a job in the state "${state}"`);
}

/**
 * An intrusive doubly linked list of queued jobs: new jobs go to the back, returned jobs to the front, and a job
 * is removed from any position. All operations take constant time. A job is in one list at a time.
 */
export class JobList<T> {
  #first: JobRecord<T> | undefined;
  #last: JobRecord<T> | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get first(): Job<T> | undefined {
    return this.#first as Job<T> | undefined;
  }

  pushBack(job: Job<T>): void {
    this.#link(this.#last, job, undefined);
  }

  pushFront(job: Job<T>): void {
    this.#link(undefined, job, this.#first);
  }

  /** Removes a job from any position. Returns whether it was in this list. */
  remove(job: Job<T>): boolean {
    if (job.state !== "queued" || job.list !== this) return false;
    const record = recordOf(job);
    const { previous, next } = record;
    if (previous) previous.next = next;
    else this.#first = next;
    if (next) next.previous = previous;
    else this.#last = previous;
    record.state = "outside";
    // The links of a removed job would keep its former neighbors in memory.
    record.list = record.previous = record.next = undefined;
    this.#length -= 1;
    return true;
  }

  *[Symbol.iterator](): Iterator<Job<T>> {
    for (let record = this.#first; record; record = record.next) yield record as Job<T>;
  }

  #link(previous: JobRecord<T> | undefined, job: Job<T>, next: JobRecord<T> | undefined): void {
    if (job.state !== "outside") throw wrongState("queue", job);
    const record = recordOf(job);
    record.state = "queued";
    record.list = this;
    record.previous = previous;
    record.next = next;
    if (previous) previous.next = record;
    else this.#first = record;
    if (next) next.previous = record;
    else this.#last = record;
    this.#length += 1;
  }
}
