/** The record of every finished job: `DIR/.distcomp/jobs.jsonl`, one JSON object a line. */

import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { STATE_FOLDER } from "./directory_sink.ts";

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
  #writing: Promise<void> = Promise.resolve();
  #failure: unknown;

  private constructor(readonly path: string, file: FileHandle) {
    this.#file = file;
    this.#timer = setInterval(() => this.#flush(), FLUSH_MS);
  }

  /** Begins a new record in an output folder that `DirectorySink.open` has made. */
  static async open(folder: string): Promise<JobLog> {
    const path = join(folder, STATE_FOLDER, "jobs.jsonl");
    return new JobLog(path, await open(path, "w"));
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
    this.#writing = this.#writing
      .then(() => this.#file.appendFile(text))
      .catch((error) => this.#failure ??= error);
  }
}
