/** Where results go: one file an output, whole or not at all. */

import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { reasonOf } from "./system_error.ts";

/** Our own folder inside the output folder. */
export const STATE_FOLDER = ".distcomp";

/** What is wrong with one output's name, not with the disk. */
const NAME_PROBLEMS = new Set(["EISDIR", "ENOTDIR", "ENAMETOOLONG", "EEXIST", "ENOTEMPTY"]);

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

  private constructor(readonly folder: string) {
    this.#unfinished = join(folder, STATE_FOLDER, `unfinished-${process.pid}`);
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

  /** Writes an output: to a temporary file, then renamed to its name. */
  async commit(name: string, output: Uint8Array): Promise<void> {
    const path = this.#pathOf(name);
    const unfinished = join(this.#unfinished, String(++this.#lastFile));
    try {
      await writeWhole(unfinished, output);
      await this.#makeFolder(dirname(path));
      await rename(unfinished, path);
    } catch (cause) {
      await rm(unfinished, { force: true }).catch(() => {}); // the folder itself may be what is broken
      throw this.#describe(name, cause);
    }
  }

  /** Takes an output of an earlier run away: the job has failed now. */
  async remove(name: string): Promise<void> {
    if (isReserved(name)) return;
    try {
      await rm(join(this.folder, name), { force: true });
    } catch (cause) {
      if (!NAME_PROBLEMS.has(codeOf(cause)) && codeOf(cause) !== "ERR_FS_EISDIR") {
        throw this.#describe(name, cause);
      }
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

  /** Most outputs go where the one before went. */
  async #makeFolder(folder: string): Promise<void> {
    if (folder === this.#lastFolder) return;
    await mkdir(folder, { recursive: true });
    this.#lastFolder = folder;
  }

  #describe(name: string, cause: unknown): Error {
    const reason = reasonOf(cause);
    return NAME_PROBLEMS.has(codeOf(cause))
      ? new OutputNameError(`its output "${join(this.folder, name)}" cannot be written: ${reason}`)
      : new SinkError(`Cannot write the output "${join(this.folder, name)}": ${reason}`, { cause });
  }
}

async function writeWhole(path: string, content: Uint8Array): Promise<void> {
  await using file = await open(path, "wx");
  for (let written = 0; written < content.byteLength;) {
    written += (await file.write(content, written)).bytesWritten;
  }
}

function isReserved(name: string): boolean {
  return name === STATE_FOLDER || name.startsWith(`${STATE_FOLDER}/`);
}

function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? "";
}
