/** `run --log FILE`: what the run says, with times, whatever the terminal shows of it. */

import { constants } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { stripVTControlCharacters } from "node:util";
import type { Clock } from "../../runtime/clock.ts";
import { codeOf, reasonOf } from "../../runtime/error_text.ts";
import type { Log } from "../../system/log.ts";
import { BoundedWriter } from "./bounded_writer.ts";
import { UsageError } from "../program/usage_error.ts";

const { O_WRONLY, O_NONBLOCK } = constants;

/** The command that was typed may have secrets, as in `--env TOKEN=…`. */
const PRIVATE = 0o600;

/** How long a slow disk may take for what is still to be written at the end. */
const CLOSE_MS = 10_000;

/** A log in a file. A later run appends to it. */
export class LogFile {
  readonly #file: FileHandle;
  readonly #writer: BoundedWriter;
  readonly #clock: Clock;
  readonly #path: string;
  /** Why something could not be written. */
  #problem: unknown;

  private constructor(file: FileHandle, clock: Clock, path: string) {
    this.#file = file;
    this.#clock = clock;
    this.#path = path;
    this.#writer = new BoundedWriter((bytes) => this.#append(bytes), clock, "the file");
  }

  /** Opens the file, and makes it if there is none. */
  static async open(path: string, clock: Clock): Promise<LogFile> {
    try {
      return new LogFile(await openToAppend(path), clock, path);
    } catch (cause) {
      const why = codeOf(cause) === "ENXIO" ? "it is a pipe that nobody reads" : reasonOf(cause);
      throw new UsageError(`Cannot write the log "${path}": ${why}`, { cause });
    }
  }

  /** Writes text, each of its lines with the time. */
  readonly write = (text: string): void => {
    const time = new Date(this.#clock.date()).toISOString();
    const lines = stripVTControlCharacters(text).split("\n");
    this.#writer.write(lines.map((line) => `${time} ${line}\n`).join(""));
  };

  async #append(bytes: Uint8Array): Promise<void> {
    try {
      await this.#file.appendFile(bytes);
    } catch (error) {
      this.#problem = error;
      throw error;
    }
  }

  /** Resolves when everything is written; to a warning if some of it could not be. */
  async close(): Promise<string | undefined> {
    await this.#writer.flush(CLOSE_MS);
    await this.#file.close().catch((error) => this.#problem ??= error);
    if (this.#problem === undefined) return undefined;
    return `warning: the log "${this.#path}" lacks lines: ${reasonOf(this.#problem)}`;
  }
}

/** Rejects if it is a pipe that nobody reads: opening it as a file waits for a reader. */
async function openToAppend(path: string): Promise<FileHandle> {
  const info = await stat(path).catch(() => undefined); // there is none yet, or the log cannot be opened either
  // A reader that has seen its only writer leave would go away.
  const asked = info?.isFIFO() ? await open(path, O_WRONLY | O_NONBLOCK) : undefined;
  try {
    return await open(path, "a", PRIVATE);
  } finally {
    await asked?.close();
  }
}

/** A log that is written to two places. Cores wait for the first one. */
export function bothLogs(one: Log, other: Log): Log {
  return {
    info: (text) => [one, other].forEach((log) => log.info(text)),
    warn: (text) => [one, other].forEach((log) => log.warn(text)),
    printed: (text) => [one, other].forEach((log) => log.printed(text)),
    table: (title, rows) => [one, other].forEach((log) => log.table?.(title, rows)),
    room: () => one.room?.(),
  };
}
