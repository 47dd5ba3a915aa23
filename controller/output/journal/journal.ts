/** The journal, `DIR/.distcomp/jobs.jsonl`: an append-only file with one line for every finished job. */

import type { Buffer } from "node:buffer";
import os from "node:os";
import { join } from "../../../runtime/files/path.ts";
import process from "node:process";
import { SinkError } from "../sink_errors.ts";
import { JOURNAL, STATE_FOLDER } from "../state_folder.ts";
import { DiskPace } from "../disk_pace.ts";
import type { DoneRecord } from "./done_line.ts";
import { JournalLines } from "./journal_lines.ts";
import {
  formatRunEvent,
  formatWorkerEvent,
  type JobRecord,
  type RunEvent,
  type WorkerEvent,
} from "./journal_record.ts";
import type { RunEnding } from "./run_ending.ts";
import type { Clock, Timer } from "../../../runtime/clock.ts";
import type { BatchedOutputs } from "../sink.ts";
import { reasonOf } from "../../../runtime/error_text.ts";
import type { OpenFile } from "../../../runtime/files/files.ts";
import type { FolderFiles } from "../../../runtime/files/files_below.ts";
import { NEWLINE } from "../../../system/line_cutter.ts";

/** Records that have this size together are written at once: some dozens of small jobs. */
const BATCH_BYTES = 16 * 1024;

/** The same where outputs are written in batches too: a quarter of a megabyte of small ones. */
const BATCH_BYTES_OF_PACK = 128 * 1024;

/**
 * Other records are written after this time. A `kill -9` may cost no job that ended a tenth of a second before, also
 * where this process has so much to do that its timers are late.
 */
const FLUSH_MS = 20;

/** Records are synced to the disk at this interval. After a power failure, jobs from this time run again. */
const SYNC_MS = 5_000;

/** How a journal is opened. */
export interface JournalOptions {
  /** SHA-256 of the core that the jobs run with. */
  readonly core: string;
  /** Whether to discard the records of earlier runs. */
  readonly fresh: boolean;
  readonly clock: Clock;
  /** Where it lies; in the output folder by default. */
  readonly path?: string | undefined;
  /** Outputs that are written in batches: each before its records. */
  readonly outputs?: BatchedOutputs | undefined;
}

/** The path of an output folder's journal. */
export function journalIn(folder: string): string {
  return join(folder, STATE_FOLDER, JOURNAL);
}

/** Appends records to the journal of a run. */
export class Journal {
  readonly #file: OpenFile;
  readonly #clock: Clock;
  readonly #outputs: BatchedOutputs | undefined;
  readonly #batchBytes: number;
  readonly #pace: DiskPace;
  readonly #syncTimer: Timer;
  #flushTimer: Timer | undefined;
  readonly #lines: JournalLines;
  /** The file's size, after all that was written. */
  #bytes: number;
  /** Resolves when all that was given to the system is written. */
  #writing: Promise<void> = Promise.resolve();
  /** How many writes it waits for. */
  #writes = 0;
  #syncing: Promise<void> | undefined;
  #isSynced = true;
  #hasBegun = false;
  #endedLine = "";
  #failure: unknown;
  /** Whether it is the outputs that could not be written: the journal itself still works. */
  #areOutputsLost = false;

  private constructor(
    readonly path: string,
    file: OpenFile,
    { core, clock, outputs }: JournalOptions,
    bytes: number,
  ) {
    this.#file = file;
    this.#lines = new JournalLines(core);
    this.#clock = clock;
    this.#outputs = outputs;
    this.#batchBytes = outputs ? BATCH_BYTES_OF_PACK : BATCH_BYTES;
    this.#bytes = bytes;
    this.#pace = new DiskPace(clock);
    this.#syncTimer = clock.every(SYNC_MS, () => void this.#sync());
  }

  /** Opens the journal of an output folder whose lock is held, or creates it. */
  static async open(files: FolderFiles, folder: string, options: JournalOptions): Promise<Journal> {
    const path = options.path ?? journalIn(folder);
    try {
      const file = await files.openToAppend(path, options.fresh);
      const { bytes } = await file.info();
      const isTorn = bytes > 0 && await byteAt(file, bytes - 1) !== NEWLINE;
      const journal = new Journal(path, file, options, bytes);
      if (isTorn) journal.#lines.add("\n"); // otherwise the next line would be damaged too
      if (bytes > 0 || options.outputs) await journal.#begin();
      return journal;
    } catch (cause) {
      throw cause instanceof SinkError ? cause : journalError(path, cause);
    }
  }

  /** The line that says how this run has ended, once it is closed, for a journal that is written anew after that. */
  get endedLine(): string {
    return this.#endedLine;
  }

  /** Adds a record. Throws if earlier records could not be written. */
  add(record: JobRecord): void {
    if (this.#failure) throw this.#failure;
    this.#lines.addRecord(record);
    this.#onAdded();
  }

  /** The same for a job that is done, as nearly all are. */
  addDone(record: DoneRecord): void {
    if (this.#failure) throw this.#failure;
    this.#lines.addDone(record);
    this.#onAdded();
  }

  /**
   * Notes the begin of a run also where there are no older records, for those who read the journal. Nobody has to wait
   * for the disk then.
   */
  begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#addRunEvent("begun");
    this.#flushTimer ??= this.#clock.after(FLUSH_MS, () => this.#flush());
  }

  /** Notes that a worker has joined or left. Throws like `add`. */
  addWorker(event: WorkerEvent): void {
    if (this.#failure) throw this.#failure;
    this.#lines.add(formatWorkerEvent(event, this.#clock.date()));
    this.#onAdded();
  }

  #onAdded(): void {
    if (this.#lines.bytes >= this.#batchBytes) this.#flush();
    else this.#flushTimer ??= this.#clock.after(FLUSH_MS, () => this.#flush());
  }

  /**
   * Syncs everything to the disk. `isComplete`: every output that was written has its record. `ending`: how the run
   * has ended, if it had begun.
   */
  async close(isComplete: boolean, ending?: RunEnding): Promise<void> {
    this.#syncTimer.stop();
    if (this.#hasBegun && isComplete) this.#addRunEvent("ended", ending);
    await this.#syncAll();
    if (this.#hasBegun && isComplete && this.#areOutputsLost) await this.#endBehindLost(ending);
    await this.#file.close().catch((cause) => this.#failure ??= journalError(this.path, cause));
    if (this.#failure) throw this.#failure;
  }

  /** Records the begin of a run on the disk before any output is replaced: older records may become outdated. */
  async #begin(): Promise<void> {
    this.#hasBegun = true;
    this.#addRunEvent("begun");
    await this.#syncAll();
    if (this.#failure) await this.close(false);
  }

  #addRunEvent(event: RunEvent, ending?: RunEnding): void {
    const atMs = this.#clock.date();
    const line = formatRunEvent(event, os.hostname(), process.pid, atMs, ending);
    this.#lines.add(line);
    if (event === "ended") this.#endedLine = line;
  }

  /**
   * Notes the end of a run whose last outputs are lost, and so are their records: how many jobs are left is not known.
   * A journal of a pack needs no more, as its records tell by their places what is in the pack.
   */
  async #endBehindLost(ending?: RunEnding): Promise<void> {
    const failure = this.#failure;
    this.#failure = undefined;
    this.#addRunEvent("ended", ending && { ...ending, left: undefined });
    await this.#append(this.#lines.take());
    await this.#file.datasync().catch(() => {}); // the first error is the one to report
    this.#failure = failure;
  }

  /** Resolves when everything is on the disk. */
  async #syncAll(): Promise<void> {
    this.#flush();
    await this.#writing;
    await this.#syncing;
    await this.#sync();
  }

  /** Gives all records to the system. */
  #flush(): void {
    this.#flushTimer?.stop();
    this.#flushTimer = undefined;
    if (this.#lines.bytes === 0) return;
    const bytes = this.#lines.take();
    const outputs = this.#outputs?.write();
    if (outputs) this.#queue(() => this.#appendBehind(outputs, bytes));
    else if (this.#canWriteNow) this.#appendNow(bytes);
    else this.#queue(() => this.#append(bytes));
  }

  /** While the disk is slow or being synced, a write could block this process for long. */
  get #canWriteNow(): boolean {
    return this.#file.appendSync !== undefined && this.#writes === 0 && !this.#syncing &&
      this.#pace.isFast;
  }

  #queue(write: () => Promise<void>): void {
    this.#writes += 1;
    this.#writing = this.#writing.then(write).finally(() => this.#writes -= 1);
  }

  #appendNow(bytes: Buffer): void {
    if (this.#failure) return;
    this.#isSynced = false;
    const startedAtMs = this.#clock.now();
    try {
      this.#file.appendSync?.(bytes);
      this.#bytes += bytes.byteLength;
    } catch (cause) {
      this.#failure = journalError(this.path, cause);
      this.#queue(() => this.#cutTornLine(bytes).catch(() => {})); // on failure the last line stays torn
    }
    this.#pace.add(this.#clock.now() - startedAtMs);
  }

  /** Records of outputs that are written in batches wait for these. */
  async #appendBehind(outputs: Promise<void>, bytes: Buffer): Promise<void> {
    await outputs.catch((error) => {
      this.#areOutputsLost ||= this.#failure === undefined;
      this.#failure ??= error;
    });
    await this.#append(bytes);
  }

  async #append(bytes: Buffer): Promise<void> {
    if (this.#failure) return;
    this.#isSynced = false;
    try {
      await this.#file.append(bytes);
      this.#bytes += bytes.byteLength;
    } catch (cause) {
      this.#failure = journalError(this.path, cause);
      await this.#cutTornLine(bytes).catch(() => {}); // on failure the last line stays torn
    }
  }

  /** Resolves when what was written before is on the disk. A slow disk gets one request at a time. */
  #sync(): Promise<void> {
    return this.#syncing ??= this.#writing.then(async () => {
      if (this.#isSynced || this.#failure) return;
      this.#isSynced = true;
      const outputs = this.#outputs?.sync() ?? Promise.resolve();
      await outputs.then(() => this.#file.datasync())
        .catch((cause) => this.#failure = journalError(this.path, cause));
    }).finally(() => this.#syncing = undefined);
  }

  /** A full disk may have stored only a part of `bytes`. Keeps the complete lines of that part. */
  async #cutTornLine(bytes: Buffer): Promise<void> {
    const info = await this.#file.info();
    const wholeBytes = bytes.subarray(0, info.bytes - this.#bytes).lastIndexOf("\n") + 1;
    await this.#file.truncate(this.#bytes + wholeBytes);
  }
}

async function byteAt(file: OpenFile, at: number): Promise<number | undefined> {
  const byte = new Uint8Array(1);
  return await file.read(byte, at) === 1 ? byte[0] : undefined;
}

function journalError(path: string, cause: unknown): SinkError {
  if (cause instanceof SinkError) return cause; // of a pack
  return new SinkError(`Cannot write the journal "${path}": ${reasonOf(cause)}`, { cause });
}
