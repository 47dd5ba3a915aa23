/** Jobs that finished in earlier runs, as sources ask about them. */

import type { JobRecord } from "./journal_record.ts";

/** An input, and which state of it. */
export interface IdentifiedInput {
  readonly name: string;
  readonly identity: string;
}

/** How a job finished in an earlier run. */
export type FinishedOutcome =
  /** `repeat`: the job's record, if it had to be checked against the output; written again, it is trusted. */
  | { readonly state: "done"; readonly repeat?: JobRecord }
  /** The reason is in the journal, and read only if it is shown. */
  | { readonly state: "failed"; readonly reason: () => Promise<string> };

/** Knows which jobs need not run. */
export interface FinishedJobs {
  /** For each input how its job finished, or `undefined` if it has to run. */
  outcomesOf(
    inputs: readonly IdentifiedInput[],
  ): Promise<readonly (FinishedOutcome | undefined)[]>;
}
