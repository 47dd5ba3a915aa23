/** What a pool's owner says and hears. */

import type { CoreKey, DispatchId, EndpointId } from "./ids.ts";
import type { Job } from "./job.ts";

export type { ClientId, CoreKey, DispatchId, EndpointId } from "./ids.ts";
export type { Job } from "./job.ts";

/** The job that an endpoint is most likely running. */
export interface CurrentJob<T> {
  readonly endpoint: EndpointId;
  readonly dispatch: DispatchId;
  readonly job: Job<T>;
  /** The endpoint has said that it has begun it. Otherwise the job may still be on its way. */
  readonly hasBegun: boolean;
}

/** How much there is of what, for progress and for flow control. */
export interface PoolCounts {
  readonly endpoints: number;
  /** Slots of all endpoints that are ready. */
  readonly slots: number;
  /** All endpoints have said how many slots they have; otherwise `slots` is an estimate. */
  readonly slotsAreKnown: boolean;
  readonly queued: number;
  readonly queuedBytes: number;
  readonly inFlight: number;
}

/** What the pool has its owner do. It calls these inside its handlers; they must not call back. */
export interface PoolActions<T> {
  /**
   * Have the endpoint, which has nothing in flight, load a core. Answer with `onLoaded`, `onLoadFailed` or
   * `onEndpointLost`.
   */
  load(endpoint: EndpointId, core: CoreKey): void;
  /** Send a job. Answer with `onAnswer`, `onReturned` or `onEndpointLost`. */
  send(endpoint: EndpointId, dispatch: DispatchId, job: Job<T>): void;
  /** A job has crashed its endpoint, or most likely several. It is out of the pool. */
  crashed(job: Job<T>, reason: string): void;
  /** An abandoned job was lost with its endpoint, or returned by it. It is out of the pool. */
  dropped(job: Job<T>): void;
  /** No endpoint can load the job's core. It is out of the pool. */
  coreUnavailable(job: Job<T>, reason: string): void;
}

/** How a pool treats its endpoints. */
export interface PoolOptions {
  /**
   * `retry`: a lost endpoint's jobs run elsewhere, whatever the reason (a machine may just go away).
   * `isolate`: a job that was alone on a lost endpoint has crashed it; several run again, each isolated.
   */
  readonly onLost: "retry" | "isolate";
  /** With `retry`: a job with this crash count has most likely crashed its endpoints. */
  readonly crashesMax?: number;
  /** Endpoints are processes on this machine: there is no round trip to hide. */
  readonly isLocal: boolean;
  /** Input bytes in flight at an endpoint, beyond one job for each of its slots. */
  readonly endpointBytesMax: number;
  /** Never more than these, however many slots the endpoint has, unless it is a single job. */
  readonly endpointBytesLimit?: number;
}
