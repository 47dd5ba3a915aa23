/**
 * Keeps what is needed to look into a crash, with `--keep-crashes`: the input, the core and, if the job ran on this
 * machine, the core dump. Each job has a folder of its own.
 */

import { readFile } from "node:fs/promises";
import { reasonOf } from "../runtime/error_text.ts";
import type { FolderBelow, FolderFiles } from "../runtime/files/files_below.ts";
import { join, resolve } from "../runtime/files/path.ts";
import type { Log } from "../system/log.ts";
import type { Completion, StoredTaskInput } from "./cluster/cluster_types.ts";
import type { ReadyTask } from "./inputs/source.ts";
import type { CoreImage } from "./workers/core_image.ts";

/** The most that a run keeps: each dump may take half a gigabyte. */
const CRASHES_MAX = 10;

/** Where the local worker puts dumps until their jobs have failed. */
const DUMPS_FOLDER = ".dumps";

const CORE_MODE = 0o755;

const PATTERN_FILE = "/proc/sys/kernel/core_pattern";

/** What crashes are kept with. */
export interface KeptCrashesOptions {
  /** How the folder is written to. */
  readonly files: FolderFiles;
  /** The output folder, and the folder in it for crashes. */
  readonly output: string;
  readonly folder: string;
  readonly core: CoreImage;
  /** The command that starts this program. */
  readonly program: string;
  /** The executable whose memory a dump shows. */
  readonly executable: string;
  readonly log: Log;
}

/** The kept crashes of a run. */
export class KeptCrashes {
  readonly #options: KeptCrashesOptions;
  readonly #files: FolderFiles;
  readonly #dumps: string;
  #count = 0;

  constructor(options: KeptCrashesOptions) {
    this.#options = options;
    this.#files = options.files;
    this.#dumps = join(options.folder, DUMPS_FOLDER);
  }

  /** Where the local worker puts dumps, each named by the index of its job. */
  get dumpsFolder(): FolderBelow {
    return { root: resolve(this.#options.output), path: resolve(this.#dumps) };
  }

  /** Makes the folder. */
  async open(): Promise<void> {
    await this.#files.remove(this.#dumps);
    await this.#files.makeFolder(this.#dumps);
  }

  /** A job has failed. Keeps its crash, if it has crashed. Never rejects: the job has failed in any case. */
  async keep({ job, answer }: Completion<ReadyTask>): Promise<void> {
    if (answer.kind !== "error" || answer.cause !== "crash") return;
    const { log } = this.#options;
    const { name, index, input, stored } = job.payload;
    this.#count += 1;
    if (this.#count > CRASHES_MAX) {
      if (this.#count === CRASHES_MAX + 1) {
        log.warn(`kept ${CRASHES_MAX} crashes, the limit; later ones are not kept`);
      }
      return await this.#files.remove(this.#dumpOf(index)).catch(() => {}); // `close` tries it again
    }
    try {
      log.warn(await this.#keep(name, index, stored ?? input));
    } catch (error) {
      log.warn(`Cannot keep the crash of "${name}": ${reasonOf(error)}`);
    }
  }

  /** Removes what was not needed. */
  async close(): Promise<void> {
    // What is left takes room, but no job has failed by it. The next run removes it, or says why it cannot.
    await this.#files.remove(this.#dumps).catch(() => {});
  }

  #dumpOf(index: number): string {
    return join(this.#dumps, String(index));
  }

  async #keep(name: string, index: number, input: Uint8Array | StoredTaskInput): Promise<string> {
    const { core, folder, program, executable } = this.#options;
    // One folder for each job, whatever its name: "a/b" is not within that of "a".
    const kept = join(folder, name.replace(/[%/]/g, encodeURIComponent));
    await this.#files.remove(kept);
    await this.#files.makeFolder(kept);
    // A large input stays where it is.
    const inputPath = input instanceof Uint8Array ? join(kept, "input") : input.path;
    const paths = { core: join(kept, "core.so"), input: inputPath };
    await this.#files.create(paths.core, core.content, CORE_MODE);
    if (input instanceof Uint8Array) await this.#files.create(paths.input, input);
    const dump = join(kept, "dump");
    const hasDump = await this.#files.rename(this.#dumpOf(index), dump).then(
      () => true,
      () => false,
    );
    const replay = `gdb --args ${program} exec ${quoted(paths.core)} ${quoted(paths.input)}`;
    const look = `gdb ${quoted(executable)} ${quoted(dump)}`;
    const commands = hasDump ? `${replay}\n${look}\n` : `${replay}\n`;
    await this.#files.create(join(kept, "commands"), commands);
    const without = hasDump ? "" : ` without a core dump (${await whyNoDump()})`;
    return `the crash of "${name}" is kept${without}; to replay it: ${replay}`;
  }
}

/** Why there is no dump, as far as this machine can tell. */
async function whyNoDump(): Promise<string> {
  const pattern = await readFile(PATTERN_FILE, "utf8").catch(() => "");
  if (!pattern.startsWith("|")) return "its worker wrote none, or is on another machine";
  return `this system gives them to ${pattern.slice(1).split(" ")[0]}`;
}

function quoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
