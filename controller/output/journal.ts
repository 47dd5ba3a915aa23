/** The journal, `DIR/.distcomp/jobs.jsonl`: a line for every finished job, appended and never rewritten. */

import { Buffer } from "node:buffer";
import { type FileHandle, open } from "node:fs/promises";
import os from "node:os";
import { join } from "node:path";
import process from "node:process";
import { SinkError, STATE_FOLDER } from "./directory_sink.ts";
import { formatRecord, formatRunEvent, type JobRecord, type RunEvent } from "./journal_record.ts";
import { reasonOf } from "../../runtime/error_text.ts";

/** Records gathered before they are written. */
const BATCH_CHARS = 64 * 1024;

/** A record waits at most this long: so much work is done again after a `kill -9`. */
const FLUSH_MS = 500;

/** And at most this long until the disk itself has it: so much is done again after a power cut. */
const SYNC_MS = 5_000;

const NEWLINE = 0x0a;

/** How a journal is opened. */
export interface JournalOptions {
  /** SHA-256 of the core that the jobs run with. */
  readonly core: string;
  /** Forgets what earlier runs have written. */
  readonly fresh: boolean;
}

/** Where the journal of an output folder is. */
export function journalIn(folder: string): string {
  return join(folder, STATE_FOLDER, "jobs.jsonl");
}

/** Appends records. */
export class Journal {
  readonly #file: FileHandle;
  readonly #core: string;
  readonly #flushTimer: ReturnType<typeof setInterval>;
  readonly #syncTimer: ReturnType<typeof setInterval>;
  #text = "";
  #bytes: number;
  #writing: Promise<void> = Promise.resolve();
  #isSynced = true;
  #hasBegun = false;
  #failure: unknown;

  private constructor(readonly path: string, file: FileHandle, core: string, bytes: number) {
    this.#file = file;
    this.#core = core;
    this.#bytes = bytes;
    this.#flushTimer = setInterval(() => this.#flush(), FLUSH_MS);
    this.#syncTimer = setInterval(() => this.#sync(), SYNC_MS);
  }

  /** Opens the journal of an output folder whose lock is held, and makes it if need be. */
  static async open(folder: string, { core, fresh }: JournalOptions): Promise<Journal> {
    const path = journalIn(folder);
    try {
      const file = await open(path, fresh ? "w+" : "a+");
      const { size } = await file.stat();
      const journal = new Journal(path, file, core, size);
      // A line that a power cut has torn would tear the next one too.
      if (size > 0 && await byteAt(file, size - 1) !== NEWLINE) journal.#text = "\n";
      if (size > 0) await journal.#begin();
      return journal;
    } catch (cause) {
      throw cause instanceof SinkError ? cause : journalError(path, cause);
    }
  }

  /** Adds a record. Throws what went wrong with writing earlier ones. */
  add(record: JobRecord): void {
    if (this.#failure) throw this.#failure;
    this.#text += formatRecord(record, this.#core);
    if (this.#text.length >= BATCH_CHARS) this.#flush();
  }

  /** Writes what is left. `isWhole`: every output that was written has its record. */
  async close(isWhole: boolean): Promise<void> {
    clearInterval(this.#flushTimer);
    clearInterval(this.#syncTimer);
    if (this.#hasBegun && isWhole) this.#note("ended");
    await this.#written();
    await this.#file.close();
    if (this.#failure) throw this.#failure;
  }

  /** Notes that records from before may become out of date. The disk has that before any output is replaced. */
  async #begin(): Promise<void> {
    this.#hasBegun = true;
    this.#note("begun");
    await this.#written();
    if (this.#failure) await this.close(false);
  }

  #note(event: RunEvent): void {
    this.#text += formatRunEvent(event, os.hostname(), process.pid);
  }

  /** Resolves when the disk has everything. */
  async #written(): Promise<void> {
    this.#flush();
    this.#sync();
    await this.#writing;
  }

  #flush(): void {
    if (this.#text === "") return;
    const text = this.#text;
    this.#text = "";
    this.#writing = this.#writing.then(() => this.#append(text));
  }

  /** In turn with the writes: a disk that is slow to answer gets no second question meanwhile. */
  #sync(): void {
    this.#writing = this.#writing.then(async () => {
      if (this.#isSynced || this.#failure) return;
      this.#isSynced = true;
      await this.#file.datasync().catch((cause) => this.#failure = journalError(this.path, cause));
    });
  }

  async #append(text: string): Promise<void> {
    if (this.#failure) return;
    const bytes = Buffer.from(text);
    this.#isSynced = false;
    try {
      await this.#file.appendFile(bytes);
      this.#bytes += bytes.byteLength;
    } catch (cause) {
      this.#failure = journalError(this.path, cause);
      await this.#keepWholeLines(bytes).catch(() => {}); // then the last one stays torn
    }
  }

  /** A disk that fills up has taken a part of `bytes`: what is no whole line of it is cut off. */
  async #keepWholeLines(bytes: Buffer): Promise<void> {
    const { size } = await this.#file.stat();
    const kept = bytes.subarray(0, size - this.#bytes).lastIndexOf("\n") + 1;
    await this.#file.truncate(this.#bytes + kept);
  }
}

async function byteAt(file: FileHandle, at: number): Promise<number | undefined> {
  const byte = Buffer.alloc(1);
  const { bytesRead } = await file.read(byte, 0, 1, at);
  return bytesRead === 1 ? byte[0] : undefined;
}

function journalError(path: string, cause: unknown): SinkError {
  return new SinkError(`Cannot write the journal "${path}": ${reasonOf(cause)}`, { cause });
}
