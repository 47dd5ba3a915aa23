/** A controller's job in a worker: a connection receives it, a slot runs it, and the connection answers it. */

import type { EndpointId, Job } from "../pool/types.ts";
import type { BlobSource, FailureKindName, Frame, JobLimits, Uint64 } from "../protocol/mod.ts";
import type { StoredCore } from "./cores/stored_core.ts";
import type { HugeInput } from "./slots/transport/huge_input.ts";

/** Lines that a job has printed. */
export type Lines = readonly string[];

/** A slot's response to a job. */
export interface SlotResponse extends Frame {
  /**
   * Its payload is in memory that the slot needs again, with room for a header before it. To be called once, when the
   * payload is no longer used.
   */
  readonly release?: () => void;
  /** What comes behind the payload, if the output is too large for one array. Whoever sends it need not release it. */
  readonly source?: BlobSource;
  /** Resolves when the slot has written all of that: a core may return its input. */
  readonly ended?: Promise<void>;
}

/** Where the payload of a job is, if it is in memory that the worker shares with the process of a slot. */
export interface JobPlace {
  /** The memory, whatever that is. */
  readonly memory: object;
  readonly payload: Uint8Array<ArrayBuffer>;
  /** The same, with zeros behind it: see `PayloadPlace`. */
  readonly withHeader: Uint8Array<ArrayBuffer>;
  /** The endpoint of the slot, if the payload went there when it was received. */
  endpoint?: EndpointId;
  /** Where the input is in the memory. */
  readonly at: number;
  /** To be called once, when the payload is no longer used. */
  release(): void;
}

/** Where a job comes from and where its answer goes: a connection with a controller. */
export interface JobSource {
  /** Forwards a slot's response. `lastLines`: what the job printed last, if it failed. */
  answer(job: RelayedJob, response: SlotResponse, lastLines?: Lines): void;
  /** Reports that the job failed without a result. */
  fail(job: RelayedJob, kind: FailureKindName, reason: string): void;
  /** Gets what its jobs print, and the last lines of one whose slot is lost, before it fails or runs again. */
  readonly printing: {
    onPrinted(job: RelayedJob, lines: Lines): void;
    onLost(job: RelayedJob, lastLines: Lines): void;
  };
}

/** A job's payload, and where it is. */
export interface PlacedPayload {
  /** The payload of the message that brought it, unchanged, but without the limits before the job. */
  payload: Uint8Array<ArrayBuffer>;
  /** Set while the payload is there; in this process's own memory otherwise. */
  place?: JobPlace | undefined;
  /** Set if the input is too large for one array. Then the payload has only the fields before it. */
  huge?: HugeInput | undefined;
}

/** A job of a controller. */
export interface RelayedJob extends PlacedPayload {
  readonly source: JobSource;
  /** The id of the message that brought it. */
  readonly id: Uint64;
  readonly limits: JobLimits;
  /** The most memory that its process had when it was killed for it. */
  peakBytes?: number | undefined;
  /** What it has used in a slot that was lost, encoded, as far as that is known. */
  usage?: Uint8Array | undefined;
  state: RelayedJobState;
}

/** The state of a job. It moves down this list, and may skip states. */
export type RelayedJobState =
  /** It has just arrived. */
  | { readonly name: "received" }
  /** It waits until its core is loaded. `queue` holds all jobs that wait for the same core. */
  | { readonly name: "waiting"; readonly queue: Set<RelayedJob> }
  /** In the pool, which knows whether it is queued or runs: a lost slot puts it back into the queue. */
  | {
    readonly name: "scheduled";
    readonly core: StoredCore;
    readonly entry: Job<RelayedJob>;
  }
  /** Answered, because its controller canceled it; a slot may still be running it. */
  | { readonly name: "canceled"; readonly core: StoredCore }
  /** Its controller has disconnected; a slot may still be running it. */
  | { readonly name: "orphaned"; readonly core: StoredCore }
  /** It has left the worker: it is answered, or its answer is not wanted. */
  | { readonly name: "done" };

/** The states without data, shared by all jobs. */
export const RECEIVED: RelayedJobState = { name: "received" };
export const DONE: RelayedJobState = { name: "done" };

/** Whether the job is in the pool and its controller still wants the answer. */
export function isAnswerWanted({ state }: RelayedJob): boolean {
  return state.name === "scheduled";
}

/** The job leaves the worker. */
export function endJob(job: RelayedJob): void {
  job.state = DONE;
  job.place?.release();
  job.place = undefined;
  job.huge?.release();
  job.huge = undefined;
}
