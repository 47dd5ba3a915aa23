/**
 * A job: where it is, and the list in which it waits. Its state is one value, and only the functions here
 * change it: for everybody else a job is read-only.
 */

import type { ClientId, CoreKey, DispatchId, EndpointId } from "./ids.ts";

/** Where a job is, as far as the pool is concerned. */
export type JobState<T> = Queued<T> | InFlight | Outside | Canceled;

/** It waits in a list of its client, between two others. */
interface Queued<T> {
  readonly kind: "queued";
  readonly job: Job<T>;
  readonly list: JobList<T>;
  readonly previous: Queued<T> | undefined;
  readonly next: Queued<T> | undefined;
}

/** It is at an endpoint. `abandoned`: and nobody wants its result any more. */
interface InFlight {
  readonly kind: "sent" | "abandoned";
  readonly endpoint: EndpointId;
  readonly dispatch: DispatchId;
  /** The endpoint's first job ever has 1, its second one 2. */
  readonly sequence: number;
}

/** It is new, or it was answered or has failed. It may be queued. */
interface Outside {
  readonly kind: "outside";
  /** Where it was last. */
  readonly endpoint: EndpointId | undefined;
}

/** It is out of the pool, and nobody wants its result. */
interface Canceled {
  readonly kind: "canceled";
}

/** On which endpoints a job should not run. */
export interface AntiAffinity {
  readonly endpoints: readonly EndpointId[];
  /** It waits for another endpoint for as long as it takes. Otherwise this is a preference. */
  readonly isRequired: boolean;
}

interface MutableJob<T> {
  client: ClientId;
  core: CoreKey;
  /** What it counts in limits. */
  bytes: number;
  /** The owner's. */
  payload: T;
  state: JobState<T>;
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
export type Job<T> = Readonly<MutableJob<T>>;

/** Most jobs may run anywhere. */
const ANYWHERE: AntiAffinity = { endpoints: [], isRequired: false };

const NEVER_SENT: Outside = { kind: "outside", endpoint: undefined };
const CANCELED: Canceled = { kind: "canceled" };

/** A job that is not queued yet. */
export function newJob<T>(
  client: ClientId,
  core: CoreKey,
  bytes: number,
  payload: T,
  nowMs: number,
): Job<T> {
  return {
    client,
    core,
    bytes,
    payload,
    state: NEVER_SENT,
    queuedAtMs: nowMs,
    attempt: 0,
    sentAtMs: 0,
    isIsolated: false,
    antiAffinity: ANYWHERE,
    crashCount: 0,
  };
}

/** A second copy of a job, which must not run on any of `endpoints`. */
export function copyOf<T>(job: Job<T>, endpoints: readonly EndpointId[], nowMs: number): Job<T> {
  return {
    ...newJob(job.client, job.core, job.bytes, job.payload, nowMs),
    attempt: job.attempt,
    crashCount: job.crashCount,
    antiAffinity: { endpoints, isRequired: true },
  };
}

/** Whether somebody waits for the job's result. */
export function isWanted<T>({ state }: Job<T>): boolean {
  return state.kind !== "abandoned" && state.kind !== "canceled";
}

/** Where a job is in flight. */
export function inFlightState<T>({ state }: Job<T>): InFlight | undefined {
  return state.kind === "sent" || state.kind === "abandoned" ? state : undefined;
}

/** It goes to an endpoint. It waits in no list. */
export function markSent<T>(
  job: MutableJob<T>,
  endpoint: EndpointId,
  dispatch: DispatchId,
  sequence: number,
  nowMs: number,
): void {
  if (job.state.kind !== "outside") throw wrongState("send", job);
  job.state = { kind: "sent", endpoint, dispatch, sequence };
  job.attempt += 1;
  job.sentAtMs = nowMs;
}

/** It is no longer at its endpoint. Returns where it was. */
export function markBack<T>(job: MutableJob<T>): InFlight {
  const { state } = job;
  if (state.kind === "sent") job.state = { kind: "outside", endpoint: state.endpoint };
  else if (state.kind === "abandoned") job.state = CANCELED;
  else throw wrongState("take back", job);
  return state;
}

/** The endpoint has not begun it: that was no attempt. */
export function undoAttempt<T>(job: MutableJob<T>): void {
  job.attempt -= 1;
}

/** Nobody wants its result any more. It waits in no list. */
export function markUnwanted<T>(job: MutableJob<T>): void {
  const { state } = job;
  if (state.kind === "queued") throw wrongState("cancel", job);
  if (state.kind === "sent") job.state = { ...state, kind: "abandoned" };
  else if (state.kind === "outside") job.state = CANCELED;
}

/** Its endpoint was lost, and it may be to blame. */
export function addCrash<T>(job: MutableJob<T>, weight: number): void {
  job.crashCount += weight;
}

/** Another copy of it has ended: what was found out about that one holds for this one. */
export function inheritCrashes<T>(job: MutableJob<T>, from: Job<T>): void {
  job.crashCount = Math.max(job.crashCount, from.crashCount);
}

/** Its next run has an endpoint for itself, or not. */
export function isolate<T>(job: MutableJob<T>, isIsolated: boolean): void {
  job.isIsolated = isIsolated;
}

/** Its next run is on another endpoint than the last one, if there is another. */
export function avoidLastEndpoint<T>(job: MutableJob<T>): void {
  const { state } = job;
  // A required anti-affinity stays: better where it failed than where it must not run.
  if (state.kind !== "outside" || state.endpoint === undefined || job.antiAffinity.isRequired) {
    return;
  }
  job.antiAffinity = { endpoints: [state.endpoint], isRequired: false };
}

/** If there is no other endpoint, it may run even on those that it avoids. */
export function allowAnywhere<T>(job: MutableJob<T>): void {
  if (!job.antiAffinity.isRequired) return;
  job.antiAffinity = { endpoints: job.antiAffinity.endpoints, isRequired: false };
}

/** It waits again from now on. */
export function markQueuedAt<T>(job: MutableJob<T>, nowMs: number): void {
  job.queuedAtMs = nowMs;
}

function wrongState<T>(what: string, { state }: Job<T>): TypeError {
  return new TypeError(`Cannot ${what} a job in the state "${state.kind}"`);
}

interface MutableQueued<T> extends Queued<T> {
  previous: MutableQueued<T> | undefined;
  next: MutableQueued<T> | undefined;
}

/**
 * Jobs that wait, in their order: they enter at the back, come back to the front, and may leave from
 * anywhere. Constant time everywhere: the jobs are linked with each other, so none has to be looked for. A
 * job is in one list at a time.
 */
export class JobList<T> {
  #first: MutableQueued<T> | undefined;
  #last: MutableQueued<T> | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get first(): Job<T> | undefined {
    return this.#first?.job;
  }

  pushBack(job: Job<T>): void {
    this.#link(this.#last, job, undefined);
  }

  pushFront(job: Job<T>): void {
    this.#link(undefined, job, this.#first);
  }

  /** Takes a job out, wherever it stands. Returns whether it was in this list. */
  remove(job: MutableJob<T>): boolean {
    if (job.state.kind !== "queued" || job.state.list !== this) return false;
    const { previous, next }: MutableQueued<T> = job.state;
    if (previous) previous.next = next;
    else this.#first = next;
    if (next) next.previous = previous;
    else this.#last = previous;
    this.#length -= 1;
    job.state = NEVER_SENT;
    return true;
  }

  *[Symbol.iterator](): Iterator<Job<T>> {
    for (let queued: Queued<T> | undefined = this.#first; queued; queued = queued.next) {
      yield queued.job;
    }
  }

  #link(
    previous: MutableQueued<T> | undefined,
    job: MutableJob<T>,
    next: MutableQueued<T> | undefined,
  ): void {
    if (job.state.kind !== "outside") throw wrongState("queue", job);
    const queued = { kind: "queued", job, list: this, previous, next } as const;
    job.state = queued;
    if (previous) previous.next = queued;
    else this.#first = queued;
    if (next) next.previous = queued;
    else this.#last = queued;
    this.#length += 1;
  }
}
