/** Keeps what each job prints in a file with the job's name. */

import { dirname, join } from "node:path";
import type { PrintedByJob } from "../../controller/run.ts";
import { codeOf, reasonOf } from "../../runtime/error_text.ts";
import { shownName } from "../../runtime/files/file_name.ts";
import type { FolderFiles } from "../../runtime/files/files_below.ts";
import { linesOf } from "./printed_text.ts";

/** The folder with a file per job, beside the journal. */
const JOBS_FOLDER = "output";

/** The file of lines that no job has printed. It is not in that folder, as an input may have any name. */
const CORE_FILE = "core-output";

/** Lines in memory that are not written yet. More are left out, and counted: the disk does not keep up. */
const QUEUED_CHARS_MAX = 8 * 1024 * 1024;

/** What has to be done at the end of a job is short, and finds room behind these lines. */
const ENDS_CHARS_MAX = 2 * QUEUED_CHARS_MAX;

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
  /** Nothing of this attempt is on its way to the file, which may have lines of an earlier one. */
  isNew: boolean;
  /** Lines of this attempt that are left out, which the file does not say yet. */
  leftOut: number;
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
  #isBehind = false;
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
  add({ name, attempt, lines, leftOut }: PrintedByJob): void {
    const printing = this.#printing.get(name) ?? newPrinting(name, attempt);
    if (printing.attempt > attempt) return;
    if (printing.attempt < attempt) Object.assign(printing, { attempt, isNew: true, leftOut: 0 });
    this.#printing.set(name, printing);
    const missing = printing.leftOut + leftOut;
    const isQueued = this.#write(printing, { lines, leftOut: missing }, QUEUED_CHARS_MAX);
    printing.leftOut = isQueued ? 0 : missing + lines.length;
  }

  /** A job has ended. If this attempt has printed nothing, what an earlier one or an earlier run has kept goes. */
  onEnded(name: string, attempt: number): void {
    const printed = this.#printing.get(name);
    this.#printing.delete(name);
    if (printed && printed.attempt >= attempt) return this.#tellLeftOut(printed);
    if (!printed && this.#hasEarlier === false) return;
    const isQueued = this.#queue(name.length, ENDS_CHARS_MAX, async () => {
      if (!printed && !this.#hasEarlier) return;
      await this.#files.unlink(this.#pathOf(name)).catch((error) => {
        if (!NOT_THERE.includes(codeOf(error))) this.#onFailed(newPrinting(name, attempt), error);
      });
    });
    if (!isQueued) this.#onBehind();
  }

  /** Resolves when everything is written. */
  close(): Promise<void> {
    for (const printing of this.#printing.values()) this.#tellLeftOut(printing);
    this.#printing.clear();
    return this.#writing;
  }

  /** Nothing more comes of this: the last lines that are left out are told of at the end of the file. */
  #tellLeftOut(printing: Printing): void {
    const { leftOut } = printing;
    if (leftOut === 0 || this.#write(printing, { lines: [], leftOut }, ENDS_CHARS_MAX)) return;
    this.#onBehind();
  }

  /** Returns whether there is room for this. */
  #write(
    printing: Printing,
    printed: Pick<PrintedByJob, "lines" | "leftOut">,
    max: number,
  ): boolean {
    const text = `${linesOf(printed).join("\n")}\n`;
    const { name, isNew } = printing;
    const isQueued = this.#queue(text.length, max, async () => {
      if (printing.isSkipped) return;
      await this.#append(name, text, isNew).catch((error) => this.#onFailed(printing, error));
    });
    if (isQueued) printing.isNew = false;
    return isQueued;
  }

  /** Returns whether there is room for this. */
  #queue(chars: number, charsMax: number, act: () => Promise<void>): boolean {
    if (this.#hasFailed || this.#queuedChars + chars > charsMax) return false;
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

  /** The disk does not even keep up with the ends of jobs. */
  #onBehind(): void {
    if (this.#hasFailed || this.#isBehind) return;
    this.#isBehind = true;
    this.#warn(
      "cannot keep the printed lines of jobs: the disk is too slow; files may lack a last line, or have those of an earlier attempt",
    );
  }

  #onFailed(printing: Printing, error: unknown): void {
    const reason = reasonOf(error);
    if (ENDING.includes(codeOf(error))) {
      this.#hasFailed = true;
      return this.#warn(`cannot keep the printed lines of jobs: ${reason}; later lines are lost`);
    }
    printing.isSkipped = true;
    this.#warnings += 1;
    const { name } = printing;
    const who = name === undefined ? "the core" : `"${shownName(name)}"`;
    if (this.#warnings <= WARNINGS_MAX) {
      this.#warn(`cannot keep the printed lines of ${who}: ${reason}`);
    }
    if (this.#warnings === WARNINGS_MAX) {
      this.#warn("the printed lines of further jobs cannot be kept either");
    }
  }
}

function newPrinting(name: string | undefined, attempt: number): Printing {
  return { name, attempt, isNew: true, leftOut: 0, isSkipped: false };
}
