/** The source of files in a tar: `--inputs FILE.tar`. It is read once, from its beginning to its end. */

import { JOB_PREFIX_BYTES, PAYLOAD_BYTES_MAX_DEFAULT } from "../../../protocol/mod.ts";
import { reasonOf } from "../../../runtime/error_text.ts";
import { shownName } from "../../../runtime/files/file_name.ts";
import type { Files } from "../../../runtime/files/files.ts";
import { isPlainName } from "../../output/pack/path_names.ts";
import type { FinishedJobs } from "../../output/finished_jobs.ts";
import { type ContentHash, openContentHash } from "./content_hash.ts";
import { namedFile } from "../listed_file.ts";
import { NameSet } from "../name_set.ts";
import type { OutputNaming } from "../output_naming.ts";
import { skipFinished } from "../skip.ts";
import {
  type ReadyTask,
  type Source,
  SourceError,
  type SourceTask,
  type UnreadableTask,
  type Warn,
} from "../source.ts";
import { countInTar } from "./tar_count.ts";
import type { ContentMemory } from "./tar_events.ts";
import { TarReader } from "./tar_reader.ts";
import { readTar } from "./tar_stream.ts";

/** The largest input that fits into one job message. */
const INPUT_BYTES_MAX = PAYLOAD_BYTES_MAX_DEFAULT - JOB_PREFIX_BYTES;

/** So many entries that are not files are named in warnings. */
const WARNINGS_MAX = 5;

/** Why a tar is not read to its end, though it ends between two files. */
const LACKS_END = "it lacks the two blocks of zeros that end a tar, so files may be missing; " +
  "if it has all of them, add the blocks: head -c 1024 /dev/zero";

/** A part of a path that is not a name: it is empty, `.` or `..`. */
const NO_NAME = /(^|\/)\.{0,2}(\/|$)/;

/** Which tar is read, and how. */
export interface TarInputs {
  readonly files: Files;
  /** `-` is stdin. */
  readonly tar: string;
  readonly warn: Warn;
  /** Finished jobs are skipped. */
  readonly finished?: FinishedJobs | undefined;
  readonly naming?: OutputNaming | undefined;
  /** Where large inputs go. */
  readonly memory?: ContentMemory | undefined;
}

/** A source of the files in a tar. */
export function tarSource(inputs: TarInputs): Source {
  return { batches: tarBatches(inputs), count: () => countInTar(inputs.files, inputs.tar) };
}

async function* tarBatches(inputs: TarInputs): Source["batches"] {
  const { files, tar, finished, memory } = inputs;
  const tasks = new TarTasks(inputs, await openContentHash());
  const reader = new TarReader(INPUT_BYTES_MAX, tasks, memory);
  try {
    for await (const _some of readTar(files, tar, reader)) {
      yield await withoutFinished(await tasks.take(), finished);
    }
    reader.end();
  } catch (cause) {
    throw new SourceError(`Cannot read the tar "${shownTar(tar)}": ${reasonOf(cause)}`, { cause });
  }
  // A failed job rather than a warning: the outputs of these files will be missing.
  // It is not called like the tar: a file in it may have that name, and each job has its own.
  const reason = reader.lacksEnd ? LACKS_END : strayReason(reader.strayAt);
  if (reason !== undefined) tasks.onUnread(`${shownTar(tar)} (its end)`, reason);
  yield await withoutFinished(await tasks.take(), finished);
}

async function withoutFinished(
  tasks: readonly (ReadyTask | UnreadableTask)[],
  finished: FinishedJobs | undefined,
): Promise<readonly SourceTask[]> {
  if (!finished) return tasks;
  const ready = tasks.filter((task) => task.kind === "ready");
  const checked = new Map((await skipFinished(ready, finished)).map((task) => [task.index, task]));
  return tasks.map((task) => checked.get(task.index) ?? task);
}

/** Makes tasks of the files in a tar. */
class TarTasks {
  readonly #warn: Warn;
  readonly #naming: OutputNaming | undefined;
  readonly #identityOf: ContentHash;
  readonly #names = new NameSet();
  #tasks: (ReadyTask | UnreadableTask)[] = [];
  /** Large files whose identity is not known yet. */
  #hashing: Promise<void>[] = [];
  #index = 0;
  #skipped = 0;
  readonly #tar: string;
  #hasAnother = false;

  constructor({ tar, warn, naming }: TarInputs, identityOf: ContentHash) {
    this.#identityOf = identityOf;
    this.#tar = tar;
    this.#warn = warn;
    this.#naming = naming;
  }

  get #sameOutput(): string {
    const remedy = this.#naming?.isSame ?? true ? "rename it in the tar" : this.#naming?.remedy;
    return `another file of the tar has the same output; ${remedy}`;
  }

  onFile(path: string, _bytes: number, input: Uint8Array<ArrayBuffer> | undefined): void {
    const index = this.#index++;
    const inside = pathBelow(path);
    const { name, failure } = namedFile(path, inside ?? (path || nameless(index)), this.#naming);
    const reason = inside === undefined
      ? reasonAgainst(path)
      : failure ?? (this.#names.add(name) ? undefined : this.#sameOutput);
    if (reason !== undefined) {
      this.#tasks.push({ kind: "unreadable", index, name, reason });
    } else if (input === undefined) {
      const tooLarge =
        "it is larger than 1 GiB, the limit for a file in a tar: name it as a file instead";
      this.#tasks.push({ kind: "unreadable", index, name, reason: tooLarge });
    } else {
      const note = name === inside ? undefined : { file: path };
      this.#addReady(index, name, input, note);
    }
  }

  #addReady(
    index: number,
    name: string,
    input: Uint8Array<ArrayBuffer>,
    note: ReadyTask["note"],
  ): void {
    const found = this.#identityOf(input);
    const tasks = this.#tasks;
    const place = tasks.length;
    const identity = typeof found === "string" ? found : "";
    tasks.push({ kind: "ready", index, name, input, identity, note });
    if (typeof found === "string") return;
    this.#hashing.push(found.then((identity) => {
      tasks[place] = { kind: "ready", index, name, input, identity, note };
    }));
  }

  onUnreadable(path: string, reason: string): void {
    const { name } = namedFile(path, pathBelow(path) ?? path, this.#naming);
    this.onUnread(name, reason);
  }

  /** What has this name was not read. It may be no file of the tar. */
  onUnread(name: string, reason: string): void {
    this.#tasks.push({ kind: "unreadable", index: this.#index++, name, reason });
  }

  onSkipped(name: string, what: string): void {
    this.#skipped += 1;
    if (this.#skipped <= WARNINGS_MAX) this.#warn(`skipping "${shownName(name)}": it is ${what}`);
    if (this.#skipped === WARNINGS_MAX) {
      this.#warn("further entries that are not files are skipped, too");
    }
  }

  /** A tape or a file that was written over has older files behind its end, which nobody may expect. */
  onAnother(at: number): void {
    if (this.#hasAnother) return;
    this.#hasAnother = true;
    this.#warn(
      `another tar follows the end of "${shownTar(this.#tar)}", at byte ${at}, and is read too; ` +
        withoutRest(at),
    );
  }

  /** The tasks since the last call. */
  async take(): Promise<readonly (ReadyTask | UnreadableTask)[]> {
    const tasks = this.#tasks;
    this.#tasks = [];
    await Promise.all(this.#hashing.splice(0));
    return tasks;
  }
}

/** The path below a folder, without `./`; `undefined` if it leads out of it, or names no file. */
function pathBelow(path: string): string | undefined {
  if (isPlainName(path)) return path;
  if (path.includes("\0") || path.startsWith("/")) return undefined;
  if (!NO_NAME.test(path)) return path;
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  return parts.length === 0 || parts.includes("..") ? undefined : parts.join("/");
}

/** Why there is nothing below a folder at this path. */
function reasonAgainst(path: string): string {
  if (path === "") return "it has no name in the tar";
  if (path.includes("\0")) return "its name has a zero byte in it, which no file can have";
  const isOutside = path.startsWith("/") || path.split("/").includes("..");
  return `its name "${shownName(path)}" ${isOutside ? "leads out of its" : "is that of a"} folder`;
}

/** What a file without a name is called. */
function nameless(index: number): string {
  return `(file ${index + 1} of the tar)`;
}

function strayReason(at: number | undefined): string | undefined {
  return at === undefined
    ? undefined
    : `more data follows the end of the tar, at byte ${at}, and is not a tar, so files may be missing; ` +
      withoutRest(at);
}

/** How to leave out what follows the end. */
function withoutRest(at: number): string {
  return "if you do not need that data, leave it out (if FILE is compressed, decompress it first): " +
    `head -c ${at} FILE | distcomp run … --inputs -`;
}

function shownTar(tar: string): string {
  return tar === "-" ? "stdin" : shownName(tar);
}
