/** The tasks of a cluster and how they end, and what the cluster's owner sets, hears and sees. */

import type { Job, PoolCounts } from "../../pool/types.ts";
import type { Answer } from "../answer.ts";
import type { Faults, JobPolicy } from "./retries.ts";

/** Something to run. */
export interface Task {
  /** Counts from 0 in a run; the job id on the wire. */
  readonly index: number;
  readonly input: Uint8Array<ArrayBuffer>;
}

/** How a task has ended. There is one for each task. */
export interface Completion<T extends Task> {
  /** Its last run. */
  readonly job: Job<T>;
  readonly answer: Answer;
  /** The name of the worker that gave the answer. */
  readonly worker: string;
  readonly answeredAtMs: number;
}

/** What the cluster's owner hears. */
export interface ClusterEvents<T extends Task> {
  onCompleted(completion: Completion<T>): void;
  /** No usable worker is left, and none is awaited. Called once. */
  onNoWorkerLeft(reasons: readonly string[]): void;
  /** After `cancelUnstarted`: so many more tasks end without an answer. */
  onCanceled?(count: number): void;
  /** The workers give different results for the same inputs: the run should end. */
  onDisagreement?(error: Error): void;
}

/** How a cluster runs its jobs. */
export interface ClusterOptions {
  /** `DEFAULT_POLICY` unless given. */
  readonly policy?: JobPolicy;
  /** Whether idle slots run second copies of stragglers; `true` unless given. */
  readonly speculates?: boolean;
  /** The part of the jobs whose results two workers must agree on; 0 unless given. */
  readonly verifiedPart?: number;
}

/** For progress and the summary. */
export interface ClusterStatus extends PoolCounts {
  /** Workers that are connected and ready. */
  readonly workers: number;
  readonly faults: Faults;
}
