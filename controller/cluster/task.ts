/** What a cluster runs, how that ends, and what the cluster's owner says and hears. */

import type { Job, PoolCounts } from "../../pool/types.ts";
import type { Faults, JobPolicy } from "./retries.ts";
import type { Answer } from "../answer.ts";
import type { WorkersLimits } from "../workers/workers.ts";

/** Something to run. */
export interface Task {
  /** Counts from 0 in a run; the job id on the wire. */
  readonly index: number;
  readonly input: Uint8Array<ArrayBuffer>;
}

/** A task's one and only end. */
export interface Completion<T extends Task> {
  readonly job: Job<T>;
  readonly answer: Answer;
  /** The worker that gave the answer. */
  readonly worker: string;
  readonly answeredAtMs: number;
}

/** What the cluster's owner hears. */
export interface ClusterEvents<T extends Task> {
  onCompleted(completion: Completion<T>): void;
  /** No worker is left, and none can come back. Called once. */
  onForsaken(reasons: readonly string[]): void;
  /** So many tasks end that were to run again, after `cancelUnstarted`. */
  onCancelled?(count: number): void;
  /** It makes no sense to go on. */
  onHopeless?(error: Error): void;
}

/** How a cluster treats its jobs, and how long it waits for workers. */
export interface ClusterOptions extends Partial<WorkersLimits> {
  readonly policy?: JobPolicy;
  /** Whether idle slots run second copies of stragglers; they do unless told. */
  readonly speculates?: boolean;
  /** Part of the jobs that are to run on two workers, with the same output; none unless given. */
  readonly verifiedPart?: number;
}

/** For progress and the summary. */
export interface ClusterStatus extends PoolCounts {
  /** Workers that are connected. */
  readonly workers: number;
  readonly faults: Faults;
}
