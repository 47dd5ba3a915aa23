/** Sources of inputs. All sources are lazy: an input is listed and read shortly before it is sent. */

import type { Task } from "../cluster/cluster_types.ts";
import type { FinishedOutcome } from "../output/finished_jobs.ts";

/** Inputs per batch, for sources that have many inputs at once. */
export const BATCH_INPUTS = 256;

/** An input that was read and is ready to run as a job. */
export interface ReadyTask extends Task {
  readonly kind: "ready";
  /** The path of its output below the output folder. */
  readonly name: string;
  /** Changes whenever the input changes. The job is skipped if it finished with the same identity. */
  readonly identity: string;
  readonly note?: InputNote | undefined;
}

/** What the journal says about an input beside its name and identity. */
export interface InputNote {
  /** The path of the file, where the output has another name. */
  readonly file?: string;
  /** The beginning of the line. Bytes that are not UTF-8 are written as in names. */
  readonly line?: string;
  /** Its content, as an identity, where the content decides whether it has changed. */
  readonly content?: string;
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

/** A task for each input. */
export type SourceTask = ReadyTask | SkippedTask | UnreadableTask;

/** Inputs in order, in batches. A batch is made or read on demand. */
export interface Source {
  readonly batches: AsyncIterable<readonly SourceTask[]>;
  /** The number of inputs; `undefined` if only reading them would tell. */
  count(): Promise<number | undefined>;
}

/** An input cannot be used. */
export class SourceError extends Error {
  override name = "SourceError";
}

/** Warns about files that are skipped on purpose. */
export type Warn = (text: string) => void;
