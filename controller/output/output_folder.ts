/** The output folder of a run: takes the lock, cleans up after killed runs, and opens the sink and the journal. */

import { join } from "../../runtime/files/path.ts";
import type { Runtime } from "../../runtime/ports.ts";
import { codeOf, reasonOf } from "../../runtime/error_text.ts";
import { FilesBelow, type FolderFiles } from "../../runtime/files/files_below.ts";
import { DirectorySink } from "./directory_sink.ts";
import { SinkError } from "./sink_errors.ts";
import { JOURNAL_BEFORE, makeStateFolder, STATE_FOLDER, TEMPORARY_PREFIX } from "./state_folder.ts";
import type { Numbering } from "./finished_jobs.ts";
import { Journal } from "./journal/journal.ts";
import { JournalBefore } from "./journal_before.ts";
import { Lock, LockedError } from "./lock.ts";
import type { Outputs } from "./outputs.ts";
import { Resume } from "./resume.ts";

/** How a run treats the results of earlier runs. */
export interface FolderOptions {
  /** SHA-256 of the core. */
  readonly core: string;
  /** Whether all jobs run again. */
  readonly fresh: boolean;
  /** Whether failed jobs run again. */
  readonly retryFailed: boolean;
  /** Whether jobs that are done stay done, whichever core has run them. */
  readonly keepDone?: boolean | undefined;
  /** How the outputs of lines are numbered. */
  readonly numbering?: Numbering | undefined;
}

/** What an output folder needs of its lock. */
export type FolderLock = Pick<Lock, "release" | "removeLeftovers">;

/** What an output folder needs of the runtime. */
type FolderPorts = Pick<Runtime, "clock" | "random" | "files">;

/** The same, once its files are reached without following links. */
interface OpenFolderPorts extends Pick<Runtime, "clock" | "random"> {
  readonly files: FolderFiles;
}

/** An output folder that only this process writes to. */
export class OutputFolder implements Outputs {
  readonly #lock: FolderLock;
  readonly #before: JournalBefore | undefined;

  private constructor(
    lock: FolderLock,
    before: JournalBefore | undefined,
    /** What else is kept in the folder is written with these. */
    readonly files: FolderFiles,
    readonly sink: DirectorySink,
    readonly journal: Journal,
    /** The jobs that earlier runs have finished; `undefined` if all jobs run again. */
    readonly resume: Resume | undefined,
  ) {
    this.#lock = lock;
    this.#before = before;
  }

  /** Opens a folder. Rejects with a `SinkError`, or with a `LockedError` while another run uses the folder. */
  static async open(
    runtime: FolderPorts,
    folder: string,
    options: FolderOptions,
  ): Promise<OutputFolder> {
    const { clock, random } = runtime;
    const files = await filesBelow(folder, runtime);
    const lock = await lockFolder(folder, { clock, random, files }).catch((error) => {
      files.close();
      throw error;
    });
    const lockAndFiles: FolderLock = {
      removeLeftovers: () => lock.removeLeftovers(),
      release: () => lock.release().finally(() => files.close()),
    };
    return await OutputFolder.openLocked({ clock, random, files }, folder, options, lockAndFiles);
  }

  /** Opens a folder whose lock is held. Releases the lock if that fails. */
  static async openLocked(
    runtime: OpenFolderPorts,
    folder: string,
    options: FolderOptions,
    lock: FolderLock,
  ): Promise<OutputFolder> {
    const { clock, files } = runtime;
    let sink: DirectorySink | undefined;
    let journal: Journal | undefined;
    try {
      const hasBefore = (await removeLeftovers(files, folder, lock)).includes(JOURNAL_BEFORE);
      const { core, fresh } = options;
      sink = await DirectorySink.open(folder, runtime);
      const before = fresh || hasBefore ? new JournalBefore(files, folder, options) : undefined;
      const kept = fresh ? await before?.keep(hasBefore) : undefined;
      journal = await Journal.open(files, folder, { core, fresh, clock });
      const { owners } = sink;
      const resume = fresh ? undefined : await Resume.load(files, folder, { ...options, owners });
      const past = resume?.past;
      const earlier = past ? await before?.with(past) ?? past : kept;
      if (earlier) sink.setEarlier(earlier);
      return new OutputFolder(lock, before, files, sink, journal, resume);
    } catch (error) {
      await journal?.close(true).catch(() => {}); // the first error is the one to report
      await sink?.close().catch(() => {}); // not one of these
      await lock.release().catch(() => {}); // nor this one
      throw error;
    }
  }

  /** Removes the journal of before a fresh run, if it is of no more use. */
  async tidy(): Promise<void> {
    await this.#before?.tidy();
  }

  /** Closes everything that is open, where no run has begun. */
  async close(): Promise<void> {
    await this.journal.close(true).catch(() => {}); // nothing was written
    await this.sink.close().catch(() => {}); // to neither of them
    await this.release();
  }

  /** Releases the lock. The caller closes the sink and the journal first. */
  async release(): Promise<void> {
    await this.#lock.release();
  }
}

/** Makes the folder, and opens it. It may be a link itself: the user has named it. */
async function filesBelow(folder: string, { files }: FolderPorts): Promise<FilesBelow> {
  try {
    await files.makeFolder(folder);
    return await FilesBelow.open(files, folder);
  } catch (cause) {
    // A link that leads nowhere is in the way like a file.
    const target = codeOf(cause) === "EEXIST" &&
      await files.readLink(folder).catch(() => undefined); // it is a file
    if (!target) throw folderError(folder, cause);
    const why = `it is a link to "${target}", which is not a folder`;
    throw new SinkError(`Cannot write to the output folder "${folder}": ${why}`, { cause });
  }
}

async function lockFolder(folder: string, ports: OpenFolderPorts): Promise<Lock> {
  const state = join(folder, STATE_FOLDER);
  try {
    await makeStateFolder(ports.files, state);
    return await Lock.acquire(join(state, "lock"), `the output folder "${folder}"`, ports);
  } catch (cause) {
    if (cause instanceof LockedError) throw cause;
    throw folderError(folder, cause);
  }
}

/** Removes the temporary files of runs that were killed. Resolves to the names in distcomp's own folder. */
async function removeLeftovers(
  files: FolderFiles,
  folder: string,
  lock: FolderLock,
): Promise<string[]> {
  const state = join(folder, STATE_FOLDER);
  try {
    await lock.removeLeftovers();
    const names = await files.list(state);
    for (const name of names) {
      if (name.startsWith(TEMPORARY_PREFIX)) await files.remove(join(state, name));
    }
    return names;
  } catch (cause) {
    throw folderError(folder, cause);
  }
}

function folderError(folder: string, cause: unknown): SinkError {
  return new SinkError(`Cannot write to the output folder "${folder}": ${reasonOf(cause)}`, {
    cause,
  });
}
