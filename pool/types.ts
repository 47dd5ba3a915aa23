/** The types between a pool and its owner. */

import type { CoreKey, DispatchId, EndpointId } from "./ids.ts";
import type { Job } from "./job.ts";

export type { ClientId, CoreKey, DispatchId, EndpointId } from "./ids.ts";
export type { Job } from "./job.ts";

/** The job that an endpoint is most likely running. */
export interface CurrentJob<T> {
  readonly endpoint: EndpointId;
  readonly dispatch: DispatchId;
  readonly job: Job<T>;
  /** The endpoint has reported that it has started the job. Otherwise the job may still be on its way. */
  readonly hasBegun: boolean;
}

/** The counts of a pool, for progress and for flow control. */
export interface PoolCounts {
  readonly endpoints: number;
  /** The slots of all ready endpoints. */
  readonly slots: number;
  /** Those of them for which their endpoint has a job. */
  readonly slotsBusy: number;
  /** Whether all ready endpoints have reported their slots; otherwise `slots` is an estimate. */
  readonly slotsAreKnown: boolean;
  readonly queued: number;
  readonly queuedBytes: number;
  readonly inFlight: number;
}

/**
 * Actions that the owner carries out. The pool calls `load` and `send` inside `schedule` and `Pool.load`, and the
 * others inside its handlers. They must not call back.
 */
export interface PoolActions<T> {
  /**
   * Have the endpoint, which has nothing in flight, load a core. Answer with `onLoaded`, `onLoadFailed` or
   * `onEndpointLost`.
   */
  load(endpoint: EndpointId, core: CoreKey): void;
  /** Send a job. Answer with `onAnswer`, `onReturned` or `onEndpointLost`. */
  send(endpoint: EndpointId, dispatch: DispatchId, job: Job<T>): void;
  /**
   * A job has crashed its endpoint, or most likely several. It has left the pool. `wasKilled`: the last endpoint was
   * killed from outside.
   */
  crashed(job: Job<T>, reason: string, wasKilled: boolean): void;
  /** An abandoned job was lost with its endpoint, or returned by it. It has left the pool. */
  dropped(job: Job<T>): void;
  /** No endpoint can load the job's core. It has left the pool. */
  coreUnavailable(job: Job<T>, reason: string): void;
}

/** How a pool treats its endpoints. */
export interface PoolOptions {
  /**
   * What happens to the jobs of a lost endpoint. `retry`: they run elsewhere, because a machine may be lost for
   * any reason. `isolate`: a job that was alone has crashed the endpoint; of several jobs, each runs again alone.
   */
  readonly onLost: "retry" | "isolate";
  /** With `retry`: a job with this crash count fails, as it has most likely crashed its endpoints. */
  readonly crashesMax?: number;
  /** Endpoints are processes on this machine: there is no round trip to hide. */
  readonly isLocal: boolean;
  /** The most input bytes in flight at an endpoint, beyond one job for each of its slots. */
  readonly endpointBytesMax: number;
  /** The most input bytes in flight at an endpoint with any number of slots, except for a single larger job. */
  readonly endpointBytesLimit?: number;
}
