/** The words of the pool. */

import type { JobList } from "./job_list.ts";

declare const endpointId: unique symbol;
declare const clientId: unique symbol;
declare const dispatchId: unique symbol;
declare const coreKey: unique symbol;

/** Something that speaks the worker protocol: a worker to a controller, a slot to a worker. */
export type EndpointId = number & { readonly [endpointId]: true };

/** Where jobs come from, and where their results go. */
export type ClientId = number & { readonly [clientId]: true };

/** One sending of one job to one endpoint. Never used twice, so a late answer is recognised. */
export type DispatchId = number & { readonly [dispatchId]: true };

/** What a compute core is known by. */
export type CoreKey = string & { readonly [coreKey]: true };

/** A job as the pool sees it; `payload` is the owner's. */
export interface Job<T> {
  readonly client: ClientId;
  readonly core: CoreKey;
  /** What it weighs in the limits. */
  readonly bytes: number;
  readonly payload: T;
  /** When it was queued last. */
  queuedAtMs: number;
  /** How often it was sent; 1 on its first run. */
  attempt: number;
  /** When it was sent last. */
  sentAtMs: number;
  /** The how-manieth job it was that its endpoint got. */
  ordinal: number;
  /** It was in flight when its endpoint was lost, with others. It runs with no other job in flight. */
  alone: boolean;
  /** Its client is gone, or has taken it back: nobody wants its result. */
  isOrphan: boolean;
  /** Where it is in flight, or was last. */
  endpoint: EndpointId | undefined;
  dispatch: DispatchId | undefined;
  /** Endpoints that it should not go to. */
  avoids: readonly EndpointId[];
  /** And must not, even if there is no other one. */
  isStrict: boolean;
  /** How many endpoints were lost that may have been at work on it; part of one where that says little. */
  losses: number;
  /** Where it waits, and between which others. Only the list changes these. */
  list: JobList<T> | undefined;
  before: Job<T> | undefined;
  behind: Job<T> | undefined;
}

/** What decides whether a job may go to an endpoint: which one it is, and the core that it has. */
export interface Taker {
  readonly id: EndpointId;
  readonly core: CoreKey | undefined;
}

/** The job that an endpoint is at. */
export interface Head<T> {
  readonly endpoint: EndpointId;
  readonly job: Job<T>;
  /** It runs, by the endpoint's own word. Else that is not known, or the job is still on its way. */
  readonly hasBegun: boolean;
}

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

/** What the pool has others do. It calls these inside its handlers; they must not call back. */
export interface PoolActions<T> {
  /**
   * Make the endpoint, which has nothing in flight, ready for a core. Answer: `onLoaded`, `onLoadFailed`
   * or `onEndpointLost`.
   */
  load(endpoint: EndpointId, core: CoreKey): void;
  /** Send a job. Answer: `onAnswer`, or `onEndpointLost`. */
  send(endpoint: EndpointId, dispatch: DispatchId, job: Job<T>): void;
  /** A job has ended an endpoint by itself, or too many were lost with it. It is out of the pool. */
  crashed(job: Job<T>, reason: string): void;
  /** A job is lost, and nobody wants its result. It is out of the pool. */
  dropped(job: Job<T>): void;
  /** No endpoint can load the job's core. It is out of the pool. */
  unrunnable(job: Job<T>, reason: string): void;
}

/** How a pool treats its endpoints. */
export interface PoolOptions {
  /**
   * `retry`: a lost endpoint's jobs run elsewhere, whatever happened (a machine may just go away).
   * `isolate`: a job that was alone on a lost endpoint has crashed it; one that was not runs again alone.
   */
  readonly onLost: "retry" | "isolate";
  /** With `retry`: a job that was lost this often has crashed them, most likely. */
  readonly lossesMax?: number;
  /** Endpoints are processes on this machine: no round trip to hide. */
  readonly isLocal: boolean;
  /** Input bytes in flight at an endpoint, beyond one job for each of its slots. */
  readonly endpointBytesMax: number;
  /** And never more than these, however many slots it has, unless it is one single job. */
  readonly endpointBytesLimit?: number;
}
