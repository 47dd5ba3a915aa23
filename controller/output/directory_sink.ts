/** Where results go: one file an output, whole or not at all. */

import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { lstat, mkdir, open, rename, rm, unlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { reasonOf } from "../../runtime/error_text.ts";

/** Our own folder inside the output folder. */
export const STATE_FOLDER = ".distcomp";

/** Folders in there with outputs that are being written begin with this. */
export const UNFINISHED_PREFIX = "unfinished-";

/**
 * A small output on a quick disk is written at once: three system calls of some microseconds, where
 * handing them to other threads and back costs five times that. A large one, or one on a slow (network)
 * disk, is written while other things go on.
 */
const AT_ONCE_BYTES_MAX = 64 * 1024;

/** From this on a disk is slow: many commits one after the other would hold up the workers. */
const SLOW_COMMIT_MS = 0.5;

/** A slow disk may just have been busy. */
const ASK_AGAIN_MS = 5_000;

/** Weight of the newest commit. */
const SMOOTHING = 0.1;

/** What is wrong with one output's name, not with the disk. */
const NAME_PROBLEMS = new Set([
  ...["EISDIR", "ENOTDIR", "ENAMETOOLONG", "EEXIST", "ENOTEMPTY"],
  "EXDEV", // a link or a mount below the output folder leads elsewhere
]);

/** The output folder cannot be used: the run has to stop. */
export class SinkError extends Error {
  override name = "SinkError";
}

/** One output cannot have its place: the job fails. */
export class OutputNameError extends Error {
  override name = "OutputNameError";
}

/** Writes outputs below a folder. */
export class DirectorySink {
  readonly #unfinished: string;
  #lastFile = 0;
  #lastFolder = "";
  readonly #disk = new DiskPace();

  private constructor(readonly folder: string) {
    this.#unfinished = join(folder, STATE_FOLDER, `${UNFINISHED_PREFIX}${process.pid}`);
  }

  /** Makes the folder if need be, and sees that it can be written to. */
  static async open(folder: string): Promise<DirectorySink> {
    const sink = new DirectorySink(folder);
    try {
      await mkdir(sink.#unfinished, { recursive: true });
      await (await open(join(sink.#unfinished, "0"), "w")).close();
    } catch (cause) {
      throw new SinkError(`Cannot write to the output folder "${folder}": ${reasonOf(cause)}`, {
        cause,
      });
    }
    return sink;
  }

  /**
   * Writes an output: to a temporary file, then renamed to its name. Done on return unless it returns a
   * promise. Throws or rejects with an `OutputNameError` or a `SinkError`.
   */
  commit(name: string, output: Uint8Array): Promise<void> | void {
    const path = this.#pathOf(name);
    const unfinished = join(this.#unfinished, String(++this.#lastFile));
    if (output.byteLength > AT_ONCE_BYTES_MAX || !this.#disk.isQuick) {
      return this.#commitLater(name, path, unfinished, output);
    }
    const startedAtMs = performance.now();
    this.#commitAtOnce(name, path, unfinished, output);
    this.#disk.took(performance.now() - startedAtMs);
  }

  #commitAtOnce(name: string, path: string, unfinished: string, output: Uint8Array): void {
    try {
      writeFileSync(unfinished, output, { flag: "wx" });
      const folder = dirname(path);
      if (folder !== this.#lastFolder) mkdirSync(folder, { recursive: true });
      this.#lastFolder = folder; // most outputs go where the one before went
      renameSync(unfinished, path);
    } catch (cause) {
      this.#lastFolder = "";
      removeQuietly(unfinished);
      throw this.#describe(name, cause);
    }
  }

  async #commitLater(
    name: string,
    path: string,
    unfinished: string,
    output: Uint8Array,
  ): Promise<void> {
    try {
      await writeFile(unfinished, output, { flag: "wx" });
      await mkdir(dirname(path), { recursive: true });
      await rename(unfinished, path);
    } catch (cause) {
      await rm(unfinished, { force: true }).catch(() => {}); // the folder itself may be what is broken
      throw this.#describe(name, cause);
    }
  }

  /** Takes an output of an earlier run away: the job has failed now. */
  async remove(name: string): Promise<void> {
    if (isReserved(name)) return;
    const path = join(this.folder, name);
    try {
      if (!(await lstat(path)).isDirectory()) await unlink(path);
    } catch (cause) {
      const code = codeOf(cause);
      if (code !== "ENOENT" && !NAME_PROBLEMS.has(code)) throw this.#describe(name, cause);
    }
  }

  /** Takes away what only unfinished outputs needed. */
  async close(): Promise<void> {
    await rm(this.#unfinished, { recursive: true, force: true });
  }

  #pathOf(name: string): string {
    if (isReserved(name)) {
      throw new OutputNameError(`the name "${name}" is reserved for distcomp's own files`);
    }
    return join(this.folder, name);
  }

  #describe(name: string, cause: unknown): Error {
    const reason = reasonOf(cause);
    return NAME_PROBLEMS.has(codeOf(cause))
      ? new OutputNameError(`its output "${join(this.folder, name)}" cannot be written: ${reason}`)
      : new SinkError(`Cannot write the output "${join(this.folder, name)}": ${reason}`, { cause });
  }
}

/** Whether the disk answers so quickly that waiting for it costs less than not waiting. */
class DiskPace {
  #recentMs = 0;
  #askAgainAtMs = 0;

  get isQuick(): boolean {
    return this.#recentMs < SLOW_COMMIT_MS || performance.now() >= this.#askAgainAtMs;
  }

  took(ms: number): void {
    const wasQuick = this.#recentMs < SLOW_COMMIT_MS;
    this.#recentMs = wasQuick ? this.#recentMs + SMOOTHING * (ms - this.#recentMs) : ms;
    if (this.#recentMs >= SLOW_COMMIT_MS) this.#askAgainAtMs = performance.now() + ASK_AGAIN_MS;
  }
}

function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The folder itself may be what is broken.
  }
}

function isReserved(name: string): boolean {
  return name === STATE_FOLDER || name.startsWith(`${STATE_FOLDER}/`);
}

function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? "";
}
