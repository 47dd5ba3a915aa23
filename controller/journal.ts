/** The record of every finished job: `DIR/.distcomp/jobs.jsonl`, one JSON object a line. */

import { Buffer } from "node:buffer";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { SinkError, STATE_FOLDER } from "./directory_sink.ts";
import { reasonOf } from "./system_error.ts";

/** Records gathered before they are written. */
const BATCH_CHARS = 64 * 1024;

/** A record waits at most this long. */
const FLUSH_MS = 500;

/** A finished job. Times are in milliseconds, sizes in bytes. */
export interface JobRecord {
  readonly index: number;
  readonly input: string;
  readonly state: "done" | "failed";
  /** What the core returned, if it came to that. */
  readonly exitCode?: number;
  /** Why there is no result. */
  readonly error?: string;
  readonly worker?: string;
  /** Which sending of the job was the last; 1 for most. */
  readonly attempt: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** From being read to being sent. */
  readonly queueMs: number;
  /** From being sent to being answered. */
  readonly runMs: number;
}

/** Appends records. */
export class JobLog {
  readonly #file: FileHandle;
  readonly #timer: ReturnType<typeof setInterval>;
  #text = "";
  #bytes = 0;
  #writing: Promise<void> = Promise.resolve();
  #failure: unknown;

  private constructor(readonly path: string, file: FileHandle) {
    this.#file = file;
    this.#timer = setInterval(() => this.#flush(), FLUSH_MS);
  }

  /** Begins a new record in an output folder that `DirectorySink.open` has made. */
  static async open(folder: string): Promise<JobLog> {
    const path = join(folder, STATE_FOLDER, "jobs.jsonl");
    try {
      return new JobLog(path, await open(path, "w"));
    } catch (cause) {
      throw recordError(path, cause);
    }
  }

  /** Adds a record. Throws what went wrong with writing earlier ones. */
  add(record: JobRecord): void {
    if (this.#failure) throw this.#failure;
    this.#text += JSON.stringify(record) + "\n";
    if (this.#text.length >= BATCH_CHARS) this.#flush();
  }

  /** Writes what is left. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#flush();
    await this.#writing;
    await this.#file.close();
    if (this.#failure) throw this.#failure;
  }

  #flush(): void {
    if (this.#text === "") return;
    const text = this.#text;
    this.#text = "";
    this.#writing = this.#writing.then(() => this.#append(text));
  }

  async #append(text: string): Promise<void> {
    if (this.#failure) return;
    const bytes = Buffer.from(text);
    try {
      await this.#file.appendFile(bytes);
      this.#bytes += bytes.byteLength;
    } catch (cause) {
      this.#failure = recordError(this.path, cause);
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

function recordError(path: string, cause: unknown): SinkError {
  return new SinkError(`Cannot write the job record "${path}": ${reasonOf(cause)}`, { cause });
}
