/**
 * The journal of before a fresh run, `DIR/.distcomp/jobs.jsonl.before`. It says which outputs in the folder are of
 * earlier runs, until the journal says of each of them what has become of it: if such a job fails, its output is removed.
 */

import { reasonOf } from "../../runtime/error_text.ts";
import type { FolderFiles } from "../../runtime/files/files_below.ts";
import { join } from "../../runtime/files/path.ts";
import type { EarlierOutputs } from "./directory_sink.ts";
import { chunksOf } from "./file_chunks.ts";
import { journalIn } from "./journal/journal.ts";
import { PastJobs } from "./past_jobs.ts";
import type { ResumeOptions } from "./resume_options.ts";
import { SinkError } from "./sink_errors.ts";
import { JOURNAL_BEFORE, STATE_FOLDER } from "./state_folder.ts";

/** Where the journals of an output folder are, whose lock is held. */
export class JournalBefore {
  readonly #files: FolderFiles;
  readonly #folder: string;
  readonly #path: string;
  readonly #options: ResumeOptions;

  constructor(
    files: FolderFiles,
    folder: string,
    { core, retryFailed }: Pick<ResumeOptions, "core" | "retryFailed">,
  ) {
    this.#files = files;
    this.#folder = folder;
    this.#path = join(folder, STATE_FOLDER, JOURNAL_BEFORE);
    this.#options = { core, retryFailed }; // its lines get no numbers
  }

  /** Keeps the journal, which a fresh run is about to empty. A run that is killed meanwhile leaves one of the two whole. */
  async keep(isThere: boolean): Promise<EarlierOutputs | undefined> {
    const journal = journalIn(this.#folder);
    const before = isThere ? await this.#read(this.#path) : undefined;
    const now = await this.#read(journal);
    if (!now) return before;
    const isSuperseded = !before || now.supersedes(before);
    try {
      if (isSuperseded) await this.#files.rename(journal, this.#path);
      else await this.#append(journal);
    } catch (cause) {
      const reason = reasonOf(cause);
      throw new SinkError(`Cannot keep the journal as "${this.#path}": ${reason}`, { cause });
    }
    return isSuperseded ? now : either(now, before);
  }

  /** What a run knows that resumes with this journal. */
  async with(now: PastJobs): Promise<EarlierOutputs> {
    const before = await this.#read(this.#path);
    if (!before) return now;
    if (!now.supersedes(before)) return either(now, before);
    await this.#remove();
    return now;
  }

  /** A run is complete, and its journal closed. */
  async tidy(): Promise<void> {
    const before = await this.#read(this.#path);
    const now = before && await this.#read(journalIn(this.#folder));
    if (before && now?.supersedes(before)) await this.#remove();
  }

  async #remove(): Promise<void> {
    await this.#files.remove(this.#path).catch(() => {}); // the next run does it
  }

  /** What a journal says. One that cannot be read, or is not there, says nothing. */
  async #read(path: string): Promise<PastJobs | undefined> {
    try {
      return await PastJobs.load(this.#files, this.#folder, { ...this.#options, path });
    } catch {
      return undefined; // the journal itself is opened later, and then the error is told
    }
  }

  /**
   * A fresh run was interrupted before, and both journals count. A killed run may have torn the last line: nothing is
   * lost, as the record at the end of a damaged line is read.
   */
  async #append(journal: string): Promise<void> {
    const file = await this.#files.openToAppend(this.#path, false);
    try {
      for await (const chunk of chunksOf(this.#files, journal)) await file.append(chunk);
      await file.datasync();
    } finally {
      await file.close();
    }
  }
}

/** The later journal counts where it has a record. */
function either(now: PastJobs, before: PastJobs): EarlierOutputs {
  return { hasOutput: (name) => now.hasOutput(name) ?? before.hasOutput(name) };
}
