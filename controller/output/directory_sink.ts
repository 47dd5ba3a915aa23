/** Writes outputs into a folder, one file each. A file is complete or does not exist. */

import { basename, dirname, join } from "../../runtime/files/path.ts";
import process from "node:process";
import type { Clock } from "../../runtime/clock.ts";
import { codeOf, reasonOf } from "../../runtime/error_text.ts";
import type { FolderFiles } from "../../runtime/files/files_below.ts";
import type { Runtime } from "../../runtime/ports.ts";
import type { HugeOutputs } from "../huge_outputs.ts";
import { DiskPace } from "./disk_pace.ts";
import { diskProblem, HugeOutput } from "./huge_output.ts";
import type { OutputSink } from "./sink.ts";
import { OutputNameError, SinkError } from "./sink_errors.ts";
import { OutputOwners } from "./output_owners.ts";
import { isInStateFolder, STATE_FOLDER, TEMPORARY_PREFIX } from "./state_folder.ts";

/**
 * Outputs up to this size are written synchronously on a fast disk: three system calls take some microseconds,
 * and asynchronous calls cost five times as much. Larger outputs, and all outputs on a slow (network) disk, are
 * written asynchronously.
 */
const SYNC_BYTES_MAX = 64 * 1024;

/** Errors that concern one output's name. All others concern the whole disk. */
const NAME_ERRORS = new Set([
  ...["EISDIR", "ENOTDIR", "ENAMETOOLONG", "EEXIST", "ENOTEMPTY"],
  "EXDEV", // another disk is mounted below the output folder
]);

const SAME_BUT_FOR_CASE =
  "the name of another output differs only in upper and lower case, which this disk does not distinguish; " +
  "rename the input, or choose another disk with -o";

/** What a sink needs of the runtime. */
interface SinkPorts extends Pick<Runtime, "clock"> {
  readonly files: FolderFiles;
}

/** What earlier runs have left in the folder. */
export interface EarlierOutputs {
  /** Whether their journal says that the last one wrote this output; `undefined` if it says nothing about it. */
  hasOutput(name: string): boolean | undefined;
}

/** An output folder. */
export class DirectorySink implements OutputSink {
  readonly #files: FolderFiles;
  readonly #clock: Clock;
  readonly #pace: DiskPace;
  readonly #temporary: string;
  /** What stands before the name of an output. */
  readonly #start: string;
  #lastFile = 0;
  #owners: OutputOwners | undefined;
  /** Nothing is known: nothing is removed. */
  #earlier: EarlierOutputs = { hasOutput: () => false };

  private constructor(readonly folder: string, { clock, files }: SinkPorts) {
    this.#files = files;
    this.#clock = clock;
    this.#pace = new DiskPace(clock);
    this.#start = join(folder, "x").slice(0, -1);
    this.#temporary = join(folder, STATE_FOLDER, `${TEMPORARY_PREFIX}${process.pid}`);
  }

  /** Creates the folder if it does not exist, and checks that it can be written to. */
  static async open(folder: string, ports: SinkPorts): Promise<DirectorySink> {
    const sink = new DirectorySink(folder, ports);
    try {
      await ports.files.makeFolder(sink.#temporary);
      await ports.files.create(join(sink.#temporary, "0"), "");
      if (await sink.#ignoresCase()) sink.#owners = new OutputOwners();
    } catch (cause) {
      await sink.close().catch(() => {}); // the folder may be unusable
      throw new SinkError(`Cannot write to the output folder "${folder}": ${reasonOf(cause)}`, {
        cause,
      });
    }
    return sink;
  }

  /** On a disk that does not tell upper from lower case: which output has which file. */
  get owners(): OutputOwners | undefined {
    return this.#owners;
  }

  /** Whether the folder of temporary files is found under another name, which nobody else has given. */
  async #ignoresCase(): Promise<boolean> {
    const other = join(this.folder, STATE_FOLDER, basename(this.#temporary).toUpperCase());
    try {
      return (await this.#files.info(other)).kind === "folder";
    } catch (error) {
      if (codeOf(error) === "ENOENT") return false;
      throw error;
    }
  }

  /**
   * Writes an output to a temporary file and renames it. Returns a promise if the write is asynchronous. Throws
   * or rejects with an `OutputNameError` or a `SinkError`.
   */
  commit(name: string, output: Uint8Array): Promise<void> | void {
    const path = this.#pathOf(name);
    const temporary = `${this.#temporary}/${++this.#lastFile}`;
    if (output.byteLength > SYNC_BYTES_MAX || !this.#pace.isFast) {
      return this.#write(name, path, temporary, output);
    }
    const startedAtMs = this.#clock.now();
    this.#writeSync(name, path, temporary, output);
    this.#pace.add(this.#clock.now() - startedAtMs);
  }

  hugeOutputs(isHashed: boolean): HugeOutputs<HugeOutput> {
    const files = this.#files;
    return {
      problemOf: (bytes) => diskProblem(this.folder, bytes),
      open: (headBytes, bytes) => {
        const path = `${this.#temporary}/${++this.#lastFile}`;
        return new HugeOutput({ files, path, headBytes, bytes, isHashed });
      },
    };
  }

  async commitHuge(name: string, output: HugeOutput): Promise<void> {
    try {
      const path = this.#pathOf(name);
      await output.finish();
      await this.#rename(output.path, path);
    } catch (cause) {
      await output.discard();
      throw cause instanceof OutputNameError ? cause : this.#errorOf(name, cause);
    }
  }

  #writeSync(name: string, path: string, temporary: string, output: Uint8Array): void {
    try {
      this.#files.createSync(temporary, output);
      try {
        this.#files.renameSync(temporary, path);
      } catch (cause) {
        if (codeOf(cause) !== "ENOENT") throw cause;
        this.#files.makeFolderSync(dirname(path)); // most outputs go into a folder that exists
        this.#files.renameSync(temporary, path);
      }
    } catch (cause) {
      this.#removeIfPossible(temporary);
      throw this.#errorOf(name, cause);
    }
  }

  async #write(name: string, path: string, temporary: string, output: Uint8Array): Promise<void> {
    try {
      await this.#files.create(temporary, output);
      await this.#rename(temporary, path);
    } catch (cause) {
      await this.#files.remove(temporary).catch(() => {}); // the folder itself may be unusable
      throw this.#errorOf(name, cause);
    }
  }

  async #rename(temporary: string, path: string): Promise<void> {
    try {
      await this.#files.rename(temporary, path);
    } catch (cause) {
      if (codeOf(cause) !== "ENOENT") throw cause;
      await this.#files.makeFolder(dirname(path));
      await this.#files.rename(temporary, path);
    }
  }

  /** Says which outputs may be removed once their jobs have failed. */
  setEarlier(earlier: EarlierOutputs): void {
    this.#earlier = earlier;
  }

  /** What else has the name is somebody's own file. */
  async remove(name: string): Promise<string | void> {
    if (isInStateFolder(name) || this.#owners?.isAnothers(name)) return;
    const path = join(this.folder, name);
    try {
      if ((await this.#files.info(path)).kind === "folder") return;
      if (!this.#earlier.hasOutput(name)) return path;
      await this.#files.unlink(path);
    } catch (cause) {
      const code = codeOf(cause);
      if (code !== "ENOENT" && !NAME_ERRORS.has(code)) throw this.#errorOf(name, cause);
    }
    this.#owners?.release(name);
  }

  /** Removes the temporary files. */
  async close(): Promise<void> {
    await this.#files.remove(this.#temporary);
  }

  #removeIfPossible(path: string): void {
    try {
      this.#files.unlinkSync(path);
    } catch {
      // The folder itself may be unusable.
    }
  }

  #pathOf(name: string): string {
    if (isInStateFolder(name)) {
      throw new OutputNameError(`the name "${name}" is reserved for distcomp's own files`);
    }
    if (this.#owners && !this.#owners.claim(name)) throw new OutputNameError(SAME_BUT_FOR_CASE);
    return this.#start + name;
  }

  #errorOf(name: string, cause: unknown): Error {
    const path = join(this.folder, name);
    const reason = reasonOf(cause);
    return NAME_ERRORS.has(codeOf(cause))
      ? new OutputNameError(`its output "${path}" cannot be written: ${reason}`)
      : new SinkError(`Cannot write the output "${path}": ${reason}`, { cause });
  }
}
