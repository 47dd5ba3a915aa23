/** A run's folder: locked for the run, tidied after runs that were killed, with its sink and its journal. */

import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { DirectorySink, SinkError, STATE_FOLDER, UNFINISHED_PREFIX } from "./directory_sink.ts";
import { Journal } from "./journal.ts";
import { Lock, LockedError } from "./lock.ts";
import { Resume } from "./resume.ts";
import { reasonOf } from "../../runtime/error_text.ts";

/** What a run is to do about earlier ones. */
export interface FolderOptions {
  /** SHA-256 of the core. */
  readonly core: string;
  /** Does everything anew. */
  readonly fresh: boolean;
  /** Does anew what has failed. */
  readonly retryFailed: boolean;
}

/** An output folder that this process alone writes to. */
export class OutputFolder {
  readonly #lock: Lock;

  private constructor(
    lock: Lock,
    readonly sink: DirectorySink,
    readonly journal: Journal,
    /** What earlier runs have done; `undefined` where everything is done anew. */
    readonly earlier: Resume | undefined,
  ) {
    this.#lock = lock;
  }

  /** Rejects with a `SinkError`, or with a `LockedError` while another run has the folder. */
  static async open(folder: string, options: FolderOptions): Promise<OutputFolder> {
    const lock = await lockFolder(folder);
    let sink: DirectorySink | undefined;
    try {
      await removeLeftovers(folder, lock);
      sink = await DirectorySink.open(folder);
      const { core, fresh } = options;
      const journal = await Journal.open(folder, { core, fresh });
      const earlier = fresh
        ? undefined
        : await Resume.load(folder, options).catch(closing(journal));
      return new OutputFolder(lock, sink, journal, earlier);
    } catch (error) {
      await sink?.close();
      await lock.release();
      throw error;
    }
  }

  /** Lets other runs have the folder. The run has closed the rest. */
  async release(): Promise<void> {
    await this.#lock.release();
  }
}

async function lockFolder(folder: string): Promise<Lock> {
  const state = join(folder, STATE_FOLDER);
  try {
    await mkdir(state, { recursive: true });
    return await Lock.acquire(join(state, "lock"), `the output folder "${folder}"`);
  } catch (cause) {
    if (cause instanceof LockedError) throw cause;
    throw folderError(folder, cause);
  }
}

/** Takes away what runs have left that were killed while they wrote an output, or took the lock. */
async function removeLeftovers(folder: string, lock: Lock): Promise<void> {
  const state = join(folder, STATE_FOLDER);
  try {
    await lock.removeLeftovers();
    for (const name of await readdir(state)) {
      if (!name.startsWith(UNFINISHED_PREFIX)) continue;
      await rm(join(state, name), { recursive: true, force: true });
    }
  } catch (cause) {
    throw folderError(folder, cause);
  }
}

function folderError(folder: string, cause: unknown): SinkError {
  return new SinkError(`Cannot write to the output folder "${folder}": ${reasonOf(cause)}`, {
    cause,
  });
}

function closing(journal: Journal): (error: unknown) => Promise<never> {
  return async (error) => {
    await journal.close(true);
    throw error;
  };
}
