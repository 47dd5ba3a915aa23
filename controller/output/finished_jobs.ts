/** The interface through which sources find out which jobs finished in earlier runs. */

import type { JobRecord } from "./journal/journal_record.ts";

/** An input's name and identity. */
export interface IdentifiedInput {
  readonly name: string;
  readonly identity: string;
  /** Its content, where that alone decides whether it has changed. */
  readonly content?: string | undefined;
}

/** How a job finished in an earlier run. */
export type FinishedOutcome =
  /** `repeat`: a record to write again, because its output had to be checked. Later runs then trust it. */
  | { readonly state: "done"; readonly repeat?: JobRecord }
  /** The reason is read from the journal only if it is shown. */
  | { readonly state: "failed"; readonly reason: () => Promise<PastReason> };

/** Why a job failed in an earlier run. */
export interface PastReason {
  readonly error: string;
  /** The same without nodes. */
  readonly shared: string;
}

/** The reason in a record; `undefined`: there is none that can be read. */
export function pastReason(record: Pick<JobRecord, "error" | "reason"> | undefined): PastReason {
  const { error = "it failed in an earlier run; its record can no longer be read" } = record ?? {};
  return { error, shared: record?.reason ?? error };
}

/** The lines of earlier runs, and the numbers in the names of their outputs. */
export interface KnownLines {
  /** The number of the line with this identity, with its zeros in front. */
  numberOf(identity: string): string | undefined;
  /** Whether a line has this number. */
  has(number: number): boolean;
  /** The largest number; −1 if there is none. */
  readonly lastNumber: number;
}

/** How numbers and names of outputs belong together. */
export interface Numbering {
  /** The number in the name of an output, with its zeros in front. */
  numberIn(output: string): string | undefined;
  /** The name of the output with a number. */
  outputOf(number: string): string;
}

/** Knows which jobs need not run. */
export interface FinishedJobs {
  readonly lines?: KnownLines | undefined;
  /** How the job of an input finished; `undefined` if it has to run. "unknown": that would take too long to find out. */
  outcomeNow?(input: IdentifiedInput): FinishedOutcome | "unknown" | undefined;
  /** How the job of each input finished; `undefined` if it has to run. */
  outcomesOf(
    inputs: readonly IdentifiedInput[],
  ): Promise<readonly (FinishedOutcome | undefined)[]>;
}
