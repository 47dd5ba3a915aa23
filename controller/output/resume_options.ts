/** How earlier runs are resumed. */

import type { Numbering } from "./finished_jobs.ts";
import type { OutputOwners } from "./output_owners.ts";
import type { PackIndex } from "./pack/pack_index.ts";

/** How to resume. */
export interface ResumeOptions {
  /** SHA-256 of the core. Jobs that ran with another core run again. */
  readonly core: string;
  /** Whether failed jobs run again. */
  readonly retryFailed: boolean;
  /** Whether jobs that are done stay done, whichever core has run them. */
  readonly keepDone?: boolean | undefined;
  /** How the outputs of lines are numbered. Without it, no line is known. */
  readonly numbering?: Numbering | undefined;
  /** Where the journal lies; in the output folder by default. */
  readonly path?: string | undefined;
  /** Is told which outputs have their files, on a disk that does not tell upper from lower case. */
  readonly owners?: OutputOwners | undefined;
  /** The pack that the outputs are in, if it is not a folder. */
  readonly pack?: PackIndex | undefined;
  /** Whether the journal has no line of the reader: a run writes that it has begun before it reads. */
  readonly onlyReads?: boolean | undefined;
}
