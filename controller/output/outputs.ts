/**
 * All that a run has open to write its results, in a folder or a pack: the sink for outputs, the journal for records, what
 * earlier runs have finished, and the lock.
 */

import type { FolderFiles } from "../../runtime/files/files_below.ts";
import type { Journal } from "./journal/journal.ts";
import type { Resume } from "./resume.ts";
import type { OutputSink } from "./sink.ts";

/** Warns of what stays as it is. */
export type Warn = (text: string) => void;

/** Results that only this process writes. */
export interface Outputs {
  /** What else is kept with the outputs is written with these. */
  readonly files: FolderFiles;
  readonly sink: OutputSink;
  readonly journal: Journal;
  /** The jobs that earlier runs have finished; `undefined` if all jobs run again. */
  readonly resume: Resume | undefined;
  /** Removes what this run has superseded, where that takes long. The caller closes the sink and the journal first. */
  tidy?(warn: Warn): Promise<void>;
  /** Closes everything that is open, where no run has begun. */
  close(): Promise<void>;
  /** Releases the lock. The caller closes the sink and the journal first. */
  release(): Promise<void>;
}
