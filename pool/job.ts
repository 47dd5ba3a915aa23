/**
 * A job: where it is, and the list in which it waits. Only the functions here change a job; for everybody
 * else it is read-only, and has only the fields of the state that it is in.
 *
 * The states are one flat object at run time: a job goes through three of them, and an object for each
 * costs a tenth of all that a job costs (measured with `deno task bench:noop`).
 */

import type { ClientId, CoreKey, DispatchId, EndpointId } from "./ids.ts";

/** It waits in a list of its client, between two others. */
interface Queued<T> {
  readonly state: "queued";
  readonly list: JobList<T>;
  readonly previous: Job<T> | undefined;
  readonly next: Job<T> | undefined;
}

/** It is at an endpoint. `abandoned`: its result is no longer wanted. */
interface InFlight {
  readonly state: "sent" | "abandoned";
  readonly endpoint: EndpointId;
  readonly dispatch: DispatchId;
  /** The endpoint's first job ever has 1, its second one 2. */
  readonly sequence: number;
}

/** It is new, or it was answered or has failed. It may be queued. */
interface Outside {
  readonly state: "outside";
  /** Where it was last. */
  readonly endpoint: EndpointId | undefined;
}

/** It is out of the pool, and its result is no longer wanted. */
interface Canceled {
  readonly state: "canceled";
}

/** On which endpoints a job should not run. */
export interface AntiAffinity {
  readonly endpoints: readonly EndpointId[];
  /** It waits for another endpoint for as long as it takes. Otherwise this is a preference. */
  readonly isRequired: boolean;
}

/** What holds for a job in every state. */
interface Facts<T> {
  client: ClientId;
  core: CoreKey;
  /** What it counts in limits. */
  bytes: number;
  /** The owner's. */
  payload: T;
  /** When it was queued last. */
  queuedAtMs: number;
  /** How often it was sent; 1 on its first run. */
  attempt: number;
  /** When it was sent last. */
  sentAtMs: number;
  /** It must be the only job in flight at its endpoint, to see whether it is the one that crashes it. */
  isIsolated: boolean;
  antiAffinity: AntiAffinity;
  /** How many endpoints were lost that may have been running it; a fraction for one that was killed. */
  crashCount: number;
}

/** A job as the pool sees it. */
export type Job<T> = Readonly<Facts<T>> & (Queued<T> | InFlight | Outside | Canceled);

/** The same at run time, to be changed. */
interface JobRecord<T> extends Facts<T> {
  state: Job<T>["state"];
  endpoint: EndpointId | undefined;
  dispatch: DispatchId | undefined;
  sequence: number;
  list: JobList<T> | undefined;
  previous: JobRecord<T> | undefined;
  next: JobRecord<T> | undefined;
}

/** Most jobs may run anywhere. */
const ANYWHERE: AntiAffinity = { endpoints: [], isRequired: false };

/** A job that is not queued yet. */
export function newJob<T>(
  client: ClientId,
  core: CoreKey,
  bytes: number,
  payload: T,
  nowMs: number,
): Job<T> {
  const record: JobRecord<T> = {
    client,
    core,
    bytes,
    payload,
    state: "outside",
    queuedAtMs: nowMs,
    attempt: 0,
    sentAtMs: 0,
    isIsolated: false,
    antiAffinity: ANYWHERE,
    crashCount: 0,
    endpoint: undefined,
    dispatch: undefined,
    sequence: 0,
    list: undefined,
    previous: undefined,
    next: undefined,
  };
  return record as Job<T>;
}

/** A second copy of a job, which must not run on any of `endpoints`. */
export function copyOf<T>(job: Job<T>, endpoints: readonly EndpointId[], nowMs: number): Job<T> {
  const copy = recordOf(newJob(job.client, job.core, job.bytes, job.payload, nowMs));
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
export function isInFlight<T>(job: Job<T>): job is Job<T> & InFlight {
  return job.state === "sent" || job.state === "abandoned";
}

/** It goes to an endpoint. */
export function markSent<T>(
  job: Job<T>,
  endpoint: EndpointId,
  dispatch: DispatchId,
  sequence: number,
  nowMs: number,
): void {
  if (job.state !== "outside") throw wrongState("send", job);
  const record = recordOf(job);
  record.state = "sent";
  record.endpoint = endpoint;
  record.dispatch = dispatch;
  record.sequence = sequence;
  record.attempt += 1;
  record.sentAtMs = nowMs;
}

/** It is no longer at its endpoint. */
export function markBack<T>(job: Job<T>): void {
  if (!isInFlight(job)) throw wrongState("take back", job);
  recordOf(job).state = job.state === "sent" ? "outside" : "canceled";
}

/** The endpoint has not begun it: that was no attempt. */
export function undoAttempt<T>(job: Job<T>): void {
  recordOf(job).attempt -= 1;
}

/** Its result is no longer wanted. */
export function markUnwanted<T>(job: Job<T>): void {
  if (job.state === "queued") throw wrongState("cancel", job);
  if (job.state === "sent") recordOf(job).state = "abandoned";
  if (job.state === "outside") recordOf(job).state = "canceled";
}

/** Its endpoint was lost, and it may be to blame. */
export function addCrash<T>(job: Job<T>, weight: number): void {
  recordOf(job).crashCount += weight;
}

/** Another copy of it has ended: what was found out about that one holds for this one. */
export function inheritCrashes<T>(job: Job<T>, from: Job<T>): void {
  recordOf(job).crashCount = Math.max(job.crashCount, from.crashCount);
}

/** Its next run has an endpoint for itself, or not. */
export function isolate<T>(job: Job<T>, isIsolated: boolean): void {
  recordOf(job).isIsolated = isIsolated;
}

/** Its next run is on another endpoint than the last one, if there is another. */
export function avoidLastEndpoint<T>(job: Job<T>): void {
  if (job.state !== "outside" || job.endpoint === undefined) return;
  // A required anti-affinity stays: better where it failed than where it must not run.
  if (job.antiAffinity.isRequired) return;
  recordOf(job).antiAffinity = { endpoints: [job.endpoint], isRequired: false };
}

/** If there is no other endpoint, it may run even on those that it avoids. */
export function allowAnywhere<T>(job: Job<T>): void {
  const { endpoints, isRequired } = job.antiAffinity;
  if (isRequired) recordOf(job).antiAffinity = { endpoints, isRequired: false };
}

/** It waits again from now on. */
export function markQueuedAt<T>(job: Job<T>, nowMs: number): void {
  recordOf(job).queuedAtMs = nowMs;
}

function wrongState<T>(what: string, { state }: Job<T>): TypeError {
  return new TypeError(`Cannot ${what} a job in the state "${state}"`);
}

/**
 * Jobs that wait, in their order: they enter at the back, come back to the front, and may leave from
 * anywhere. Constant time everywhere: the jobs are linked with each other, so none has to be looked for. A
 * job is in one list at a time.
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

  /** Takes a job out, wherever it stands. Returns whether it was in this list. */
  remove(job: Job<T>): boolean {
    if (job.state !== "queued" || job.list !== this) return false;
    const record = recordOf(job);
    const { previous, next } = record;
    if (previous) previous.next = next;
    else this.#first = next;
    if (next) next.previous = previous;
    else this.#last = previous;
    record.state = "outside";
    // Links of an old job would keep young ones in memory that have long left as well.
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
