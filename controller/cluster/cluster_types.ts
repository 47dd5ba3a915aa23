/** The types between a cluster and its owner: tasks and how they end, options, events and status. */

import type { Job, PoolCounts } from "../../pool/types.ts";
import type { BlobSource, CoreOutputMode, JobLimits } from "../../protocol/mod.ts";
import type { Answer } from "../answer.ts";
import type { HugeOutputs } from "../huge_outputs.ts";
import type { CompressionMode } from "../../link/compression_mode.ts";
import type { WaitPolicy } from "../workers/wait_policy.ts";
import type { Departure } from "../workers/workers_events.ts";
import type { PayloadMemory } from "../workers/payload_memory.ts";
import type { RefusalOf } from "../workers/connected_worker.ts";
import type { CopyCounts } from "./copy_counts.ts";
import type { Faults, JobPolicy } from "./job_policy.ts";
import type { VerifiedCounts } from "./verified_counts.ts";
import type { JobMeasures, WorkerMeter } from "./worker_meter.ts";

/** An input that is read as it is sent. */
export interface StoredTaskInput {
  readonly byteLength: number;
  /** Where it is, for people. */
  readonly path: string;
  /** Reads it from its beginning. `onUnreadable` is called, once, if it cannot be read, with the reason. */
  open(onUnreadable: (reason: string) => void): BlobSource;
}

/** Bytes of a task's input. */
export function inputBytesOf({ input, stored }: Task): number {
  return stored?.byteLength ?? input.byteLength;
}

/** An input to run as a job. */
export interface Task {
  /** The job id in the protocol; counts from 0 in a run. */
  readonly index: number;
  readonly input: Uint8Array<ArrayBuffer>;
  /** Set if the input is not in memory. Then `input` is empty. */
  readonly stored?: StoredTaskInput;
  /** What messages call the job. Default: its index. */
  readonly name?: string;
  /** Limits of its own, instead of the policy's. */
  readonly limits?: JobLimits;
}

/** How a task has ended. */
export interface Completion<T extends Task> {
  /** The last attempt. */
  readonly job: Job<T>;
  readonly answer: Answer;
  /** The name of the worker that gave the answer; empty if none did. */
  readonly worker: string;
  /** What tells where and when the job ran, and what it used. */
  readonly meter: WorkerMeter;
  /** The same, where it was looked at before the job was sent again. */
  readonly measures?: JobMeasures;
  readonly answeredAtMs: number;
  /** Why it has failed, with the nodes, if it has failed on several. Otherwise the answer says why. */
  readonly reason?: string;
  /** The same without the nodes: jobs that fail alike have the same one. */
  readonly sharedReason?: string;
  /** How often it was sent in all, if copies of it were besides: of a straggler, or for votes. */
  readonly sent?: number;
  /** Whether two workers have given the same output. */
  readonly isVerified?: boolean;
  /** How often it was tried, and where it failed, if it has failed. */
  readonly failures?: { readonly attempts: number; readonly workers: readonly string[] };
}

/** What those who watch the cluster are told of a worker. */
export interface ClusterWorker {
  /** What messages call it. */
  readonly name: string;
  /** The name of its machine, or the one that its owner has given it. */
  readonly node: string;
  /** Where it was dialed, or where it has dialed from. */
  readonly origin: string;
  /** Missing if it does not say. */
  readonly slots: number | undefined;
}

/** Lines that a job has printed, or its core while no job ran. */
export interface Printed<T extends Task> {
  readonly job: Job<T> | undefined;
  readonly lines: readonly string[];
  /** Lines before these that the worker has left out, because there were too many. */
  readonly leftOut: number;
}

/** What a cluster reports to its owner. */
export interface ClusterEvents<T extends Task> {
  onCompleted(completion: Completion<T>): void;
  /** No usable worker is left, and none is awaited. Called once. */
  onNoWorkerLeft(reasons: readonly string[]): void;
  /** After `cancelUnstarted`: this many more tasks end without an answer. */
  onCanceled?(count: number): void;
  /** Only with `coreOutput: "all"`. */
  onPrinted?(printed: Printed<T>): void;
  /** The workers return different results for the same inputs: the run should end. */
  onDisagreement?(error: Error): void;
  /** A worker is connected and can be used. */
  onWorkerReady?(worker: ClusterWorker): void;
  /** A worker has loaded the core. */
  onWorkerLoaded?(worker: ClusterWorker): void;
  /** A worker that was ready has disconnected. */
  onWorkerGone?(worker: ClusterWorker, departure: Departure): void;
}

/** How a cluster runs its jobs. */
export interface ClusterOptions {
  /** Default: `DEFAULT_POLICY`. */
  readonly policy?: JobPolicy;
  /** Why a worker must not be used, if so. Default: all may be. */
  readonly refusalOf?: RefusalOf | undefined;
  /** Whether idle slots run second copies of stragglers. Default: `true`. */
  readonly speculates?: boolean;
  /** How long `worker_init` may take. Default: `INIT_MS_DEFAULT`. */
  readonly initMs?: number;
  /** The fraction of the jobs on whose results two workers must agree. Default: 0. */
  readonly verifiedPart?: number;
  /** What workers of version 2 tell of what jobs print. Default: `failures`. */
  readonly coreOutput?: CoreOutputMode;
  /** When to compress what goes over the network. Default: `auto`. */
  readonly compression?: CompressionMode;
  /** Single jobs are in a hurry beside many others: workers on this machine fetch no long jobs ahead. */
  readonly isInteractive?: boolean;
  /** What happens without workers. Default: `RUN_WAIT_POLICY`. */
  readonly waitPolicy?: WaitPolicy;
  /** Where large inputs may be, and where large outputs go. Its owner gets back what it no longer needs. */
  readonly memory?: PayloadMemory | undefined;
  /** Where outputs go that are too large to be in memory. Default: their jobs fail. */
  readonly hugeOutputs?: HugeOutputs | undefined;
}

/** Slots that load the core. */
export interface LoadingSlots {
  readonly slots: number;
  /** The slots of the workers that have such slots. */
  readonly slotsTotal: number;
  /** How long the first of them has been loading it. */
  readonly ms: number;
}

/** The status of a cluster, for progress and the summary. */
export interface ClusterStatus extends PoolCounts {
  /** Workers that are connected and ready. */
  readonly workers: number;
  readonly faults: Faults;
  /** Workers that were lost and have not come back. */
  readonly lost: number;
  readonly copies: CopyCounts;
  /** `undefined` in a run that verifies nothing. */
  readonly verified?: VerifiedCounts | undefined;
  /** `undefined` if no slot loads the core. */
  readonly loading?: LoadingSlots | undefined;
  /** What `--verify` waits for, if the workers have too few votes. */
  readonly awaitedVoter?: string | undefined;
}
