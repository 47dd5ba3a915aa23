/** Keeps what each job prints in a file with the job's name. */

import { dirname, join } from "node:path";
import type { PrintedByJob } from "../../controller/run.ts";
import { codeOf, reasonOf } from "../../runtime/error_text.ts";
import { shownName } from "../../runtime/files/file_name.ts";
import type { FolderFiles } from "../../runtime/files/files_below.ts";

/** The folder with a file per job, beside the journal. */
const JOBS_FOLDER = "output";

/** The file of lines that no job has printed. It is not in that folder, as an input may have any name. */
const CORE_FILE = "core-output";

/** Lines in memory that are not written yet. More are left out: the disk does not keep up. */
const QUEUED_CHARS_MAX = 8 * 1024 * 1024;

/** So many jobs whose lines cannot be kept are named in warnings. */
const WARNINGS_MAX = 5;

/** Errors that the next job would meet, too. All others are taken for those of one name. */
const ENDING = ["ENOSPC", "EDQUOT", "EROFS", "EIO"];

/** A removal fails so where nothing of the job is there. A folder is `EPERM` on macOS. */
const NOT_THERE = ["ENOENT", "ENOTDIR", "EISDIR", "EPERM", "ENAMETOOLONG"];

/** A job that has printed something, or the core itself. */
interface Printing {
  /** `undefined` for the core. */
  readonly name: string | undefined;
  /** The latest attempt that has printed something. */
  attempt: number;
  /** Its file cannot be written. */
  isSkipped: boolean;
}

/** The files of one run. */
export class KeptOutput {
  readonly #files: FolderFiles;
  readonly #state: string;
  readonly #warn: (text: string) => void;
  /** Those that have not ended. */
  readonly #printing = new Map<string | undefined, Printing>();
  #writing: Promise<void>;
  #queuedChars = 0;
  #hasFailed = false;
  #warnings = 0;
  /** Whether an earlier run has kept something; `undefined` until that is known. */
  #hasEarlier: boolean | undefined;

  /** `state`: the folder of the journal. */
  constructor(files: FolderFiles, state: string, warn: (text: string) => void) {
    this.#files = files;
    this.#state = state;
    this.#warn = warn;
    this.#writing = files.info(this.#pathOf("")).then(() => true, () => false)
      .then((isThere) => void (this.#hasEarlier = isThere));
  }

  /** Adds lines to the file of a job. A later attempt replaces what an earlier one has printed. */
  add({ name, attempt, lines }: PrintedByJob): void {
    const text = `${lines.join("\n")}\n`;
    const before = this.#printing.get(name);
    if (before && before.attempt > attempt) return;
    const printing = before ?? { name, attempt, isSkipped: false };
    const isFirst = before?.attempt !== attempt;
    const isQueued = this.#queue(text.length, async () => {
      if (printing.isSkipped) return;
      await this.#append(name, text, isFirst).catch((error) => this.#onFailed(printing, error));
    });
    if (!isQueued) return;
    printing.attempt = attempt;
    this.#printing.set(name, printing);
  }

  /** A job has ended. If this attempt has printed nothing, what an earlier one or an earlier run has kept goes. */
  onEnded(name: string, attempt: number): void {
    const printed = this.#printing.get(name);
    this.#printing.delete(name);
    if (printed ? printed.attempt >= attempt : this.#hasEarlier === false) return;
    this.#queue(name.length, async () => {
      if (!printed && !this.#hasEarlier) return;
      await this.#files.unlink(this.#pathOf(name)).catch((error) => {
        if (NOT_THERE.includes(codeOf(error))) return;
        this.#onFailed({ name, attempt: 0, isSkipped: false }, error);
      });
    });
  }

  /** Resolves when everything is written. */
  close(): Promise<void> {
    return this.#writing;
  }

  /** Returns whether there is room for this. */
  #queue(chars: number, act: () => Promise<void>): boolean {
    if (this.#hasFailed || this.#queuedChars + chars > QUEUED_CHARS_MAX) return false;
    this.#queuedChars += chars;
    this.#writing = this.#writing.then(() => this.#hasFailed ? undefined : act())
      .finally(() => this.#queuedChars -= chars);
    return true;
  }

  async #append(name: string | undefined, text: string, isEmptied: boolean): Promise<void> {
    const path = this.#pathOf(name);
    await this.#files.makeFolder(dirname(path));
    const file = await this.#files.openToAppend(path, isEmptied);
    try {
      await file.append(new TextEncoder().encode(text));
    } finally {
      await file.close();
    }
  }

  #pathOf(name: string | undefined): string {
    return name === undefined ? join(this.#state, CORE_FILE) : join(this.#state, JOBS_FOLDER, name);
  }

  #onFailed(printing: Printing, error: unknown): void {
    const reason = reasonOf(error);
    if (ENDING.includes(codeOf(error))) {
      this.#hasFailed = true;
      return this.#warn(`cannot keep the output of jobs: ${reason}; later output is lost`);
    }
    printing.isSkipped = true;
    this.#warnings += 1;
    const { name } = printing;
    const who = name === undefined ? "the core" : `"${shownName(name)}"`;
    if (this.#warnings <= WARNINGS_MAX) this.#warn(`cannot keep the output of ${who}: ${reason}`);
    if (this.#warnings === WARNINGS_MAX) {
      this.#warn("the output of further jobs cannot be kept either");
    }
  }
}
