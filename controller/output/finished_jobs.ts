/** The interface through which sources find out which jobs finished in earlier runs. */

import type { JobRecord } from "./journal_record.ts";

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
  | { readonly state: "failed"; readonly reason: () => Promise<string> };

/** Knows which jobs need not run. */
export interface FinishedJobs {
  /** How the job of each input finished; `undefined` if it has to run. */
  outcomesOf(
    inputs: readonly IdentifiedInput[],
  ): Promise<readonly (FinishedOutcome | undefined)[]>;
}
