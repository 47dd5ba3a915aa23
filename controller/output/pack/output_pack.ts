/**
 * The pack of a run: one file with all outputs. What belongs to it lies in a folder beside it, `FILE.distcomp`: the
 * lock, the journal, and what else an output folder has in `.distcomp`. Links are followed up to the folder of the
 * pack, and not below it.
 */

import os from "node:os";
import process from "node:process";
import { reasonOf } from "../../../runtime/error_text.ts";
import { FilesBelow, type FolderFiles } from "../../../runtime/files/files_below.ts";
import { dirname, join } from "../../../runtime/files/path.ts";
import type { Runtime } from "../../../runtime/ports.ts";
import { SinkError } from "../sink_errors.ts";
import { makeStateFolder, packJournalOf, packStateOf } from "../state_folder.ts";
import { Journal } from "../journal/journal.ts";
import { formatRunEvent } from "../journal/journal_record.ts";
import { Lock, LockedError } from "../lock.ts";
import type { FolderLock, FolderOptions } from "../output_folder.ts";
import type { Outputs, Warn } from "../outputs.ts";
import type { PackFormat } from "./pack_entry.ts";
import type { PackFile } from "./pack_file.ts";
import { isZstdPack } from "./pack_format.ts";
import { forgetLostEntries } from "./lost_entries.ts";
import { checkHasState, checkIsFile, packResults } from "./pack_results.ts";
import { packError, PackSink } from "./pack_sink.ts";
import { openPackFile } from "./pack_opener.ts";
import { staleEntriesText } from "./stale_entries.ts";
import { ZstdError } from "./zstd_unpacking.ts";
import { type PackFiles, recoverRepack, repack } from "./repack.ts";
import type { Resume } from "../resume.ts";

/** How a run opens its pack. */
export interface OutputPackOptions extends FolderOptions {
  readonly format: PackFormat;
}

/** What a pack needs of the runtime. */
type PackPorts = Pick<Runtime, "clock" | "random" | "files">;

/** What one needs whose lock is held. */
type LockedPackPorts = Pick<Runtime, "clock"> & { readonly files: FolderFiles };

/** A pack that only this process writes to. */
export class OutputPack implements Outputs {
  readonly #lock: FolderLock;

  private constructor(
    lock: FolderLock,
    readonly files: FolderFiles,
    readonly sink: PackSink,
    readonly journal: Journal,
    readonly resume: Resume | undefined,
    /** Takes out what has been superseded, and resolves when the pack has each output once. */
    readonly tidy: (warn: Warn) => Promise<void>,
  ) {
    this.#lock = lock;
  }

  /** Opens a pack. Rejects with a `SinkError`, or with a `LockedError` while another run writes to it. */
  static async open(
    runtime: PackPorts,
    path: string,
    options: OutputPackOptions,
  ): Promise<OutputPack> {
    const below = await filesAround(path, runtime);
    const lock = await lockPack(path, { ...runtime, files: below }, options).catch((error) => {
      below.close();
      throw error;
    });
    const lockAndFiles: FolderLock = {
      removeLeftovers: () => lock.removeLeftovers(),
      release: () => lock.release().finally(() => below.close()),
    };
    return await OutputPack.openLocked({ ...runtime, files: below }, path, options, lockAndFiles);
  }

  /** Opens a pack whose lock is held. Releases the lock if that fails. */
  static async openLocked(
    ports: LockedPackPorts,
    path: string,
    options: OutputPackOptions,
    lock: FolderLock,
  ): Promise<OutputPack> {
    try {
      return await OutputPack.#openLocked(ports, path, options, lock);
    } catch (error) {
      await lock.release().catch(() => {}); // the first error is the one to report
      throw error;
    }
  }

  static async #openLocked(
    { clock, files: below }: LockedPackPorts,
    path: string,
    options: OutputPackOptions,
    lock: FolderLock,
  ): Promise<OutputPack> {
    const { core, fresh } = options;
    const paths = packPathsOf(below, path);
    await removeLeftovers(paths, lock);
    const file = await openPack(below, path);
    try {
      const found = fresh ? undefined : await resumeOf(paths, file, options);
      const keptBytes = found?.keptBytes ?? 0;
      const earlier = found?.resume.past;
      const sink = await PackSink.open({ ...options, path, file, clock, keptBytes, earlier });
      const journal = await Journal.open(below, dirname(path), {
        core,
        fresh,
        clock,
        path: packJournalOf(path),
        outputs: sink,
      });
      const tidy = async (warn: Warn) => {
        if (!sink.isOutdated && !earlier?.isOutdated) return;
        // Entries whose lines are lost may be good ones, of jobs that are not in this run. Where a killed run has torn
        // the line, there is no entry.
        if (earlier?.lacksLines) {
          return warn(await staleEntriesText(below, path, packJournalOf(path)));
        }
        await repacked(paths, options.format, clock.date(), journal.endedLine);
      };
      return new OutputPack(lock, below, sink, journal, found?.resume, tidy);
    } catch (error) {
      await file.close().catch(() => {}); // the first error is the one to report
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.journal.close(true).catch(() => {}); // nothing was written
    await this.sink.close().catch(() => {}); // to neither of them
    await this.release();
  }

  async release(): Promise<void> {
    await this.#lock.release();
  }
}

/** Opens the folder of the pack, and makes it if it does not exist. */
async function filesAround(path: string, { files }: PackPorts): Promise<FilesBelow> {
  try {
    await files.makeFolder(dirname(path));
    return await FilesBelow.open(files, dirname(path));
  } catch (cause) {
    throw packError(path, cause);
  }
}

async function lockPack(
  path: string,
  ports: Pick<Runtime, "clock" | "random"> & { readonly files: FolderFiles },
  { fresh }: OutputPackOptions,
): Promise<Lock> {
  const state = packStateOf(path);
  await checkIsFile(ports.files, path);
  if (!fresh) await checkHasState(ports.files, path);
  try {
    await makeStateFolder(ports.files, state);
    return await Lock.acquire(join(state, "lock"), `the pack "${path}"`, ports);
  } catch (cause) {
    if (!(cause instanceof LockedError)) throw packError(path, cause);
    throw new LockedError(cause.message.replace("another folder with -o", "another --pack"));
  }
}

/** The files of a pack. */
interface PackPaths extends PackFiles {
  /** The journal without the records of entries that are lost, until it takes its place. */
  readonly keptJournal: string;
}

/** Where the files of the pack at this path are. */
export function packPathsOf(files: FolderFiles, path: string): PackPaths {
  const state = packStateOf(path);
  return {
    files,
    pack: path,
    isZstd: isZstdPack(path),
    journal: packJournalOf(path),
    newPack: join(state, "pack.new"),
    newJournal: join(state, "jobs.jsonl.new"),
    keptJournal: join(state, "jobs.jsonl.kept"),
  };
}

/** Cleans up after runs that were killed. */
async function removeLeftovers(paths: PackPaths, lock: FolderLock): Promise<void> {
  try {
    await lock.removeLeftovers();
    await recoverRepack(paths);
    await paths.files.remove(paths.keptJournal);
  } catch (cause) {
    throw packError(paths.pack, cause);
  }
}

/** Repacks. If that fails, the pack stays as it is. */
async function repacked(
  paths: PackFiles,
  format: PackFormat,
  atMs: number,
  ended: string,
): Promise<void> {
  const begun = formatRunEvent("begun", os.hostname(), process.pid, atMs);
  try {
    await repack(paths, format, { begun, ended });
  } catch (cause) {
    await recoverRepack(paths).catch(() => {}); // the next run does it
    const why = `Cannot remove superseded outputs from the pack "${paths.pack}"`;
    const advice = cause instanceof ZstdError // the same for each run
      ? "put a whole copy of it back, or use --fresh to run all jobs again and replace this one"
      : "repeat the command to try again";
    throw new SinkError(`${why}: ${reasonOf(cause)}; ${advice}`, { cause });
  }
}

async function openPack(files: FolderFiles, path: string): Promise<PackFile> {
  try {
    return await openPackFile(files, path, isZstdPack(path));
  } catch (cause) {
    throw packError(path, cause);
  }
}

/** What earlier runs have done, if there were any. Rejects if the file is none of theirs. */
async function resumeOf(
  paths: PackPaths,
  content: PackFile,
  options: OutputPackOptions,
): Promise<{ readonly resume: Resume; readonly keptBytes: number } | undefined> {
  const { files, pack: path, journal } = paths;
  const { format } = options;
  const results = await packResults(files, { path, journal, format, content }, options);
  if (!results) return undefined;
  const { resume, pack } = results;
  if (!pack.hasLost) return { resume, keptBytes: pack.keptBytes };
  await forgetLost(paths, pack.keptBytes);
  return await resumeOf(paths, content, options); // the records have moved
}

/** Before the pack is written to: then the journal is true of it, whatever is lost of either later. */
async function forgetLost(
  { files, journal, keptJournal }: PackPaths,
  keptBytes: number,
): Promise<void> {
  try {
    await forgetLostEntries(files, journal, keptJournal, keptBytes);
  } catch (cause) {
    throw new SinkError(`Cannot write the journal "${journal}": ${reasonOf(cause)}`, { cause });
  }
}
