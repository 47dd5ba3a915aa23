/** Where a run's inputs come from. All sources are lazy: an input is listed and read shortly before it is sent. */

import type { Task } from "../cluster/task.ts";
import type { FinishedOutcome } from "../output/finished_jobs.ts";

/** Inputs in a batch, from sources that have many of them at once. */
export const BATCH_INPUTS = 256;

/** An input that was read: a job to run. */
export interface ReadyTask extends Task {
  readonly kind: "ready";
  /** The path of its output below the output folder. */
  readonly name: string;
  /** Changes with the input. The job is skipped if it has finished with the same one. */
  readonly identity: string;
}

/** An input whose job finished in an earlier run. It is neither read nor run. */
export interface SkippedTask {
  readonly kind: "skipped";
  readonly index: number;
  readonly name: string;
  readonly outcome: FinishedOutcome;
}

/** An input that cannot be read: its job fails without being sent. */
export interface UnreadableTask {
  readonly kind: "unreadable";
  readonly index: number;
  readonly name: string;
  readonly reason: string;
}

/** What becomes of an input. */
export type SourceTask = ReadyTask | SkippedTask | UnreadableTask;

/** Inputs in order, in batches, each made or read when it is asked for. */
export interface Source {
  readonly batches: AsyncIterable<readonly SourceTask[]>;
  /** How many inputs there will be; `undefined` if only reading them would tell. */
  count(): Promise<number | undefined>;
}

/** Something that cannot be an input. */
export class SourceError extends Error {
  override name = "SourceError";
}

/** Tells people what is skipped on purpose. */
export type Warn = (text: string) => void;
