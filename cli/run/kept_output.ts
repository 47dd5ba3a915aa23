/** Keeps what each job prints in a file with the job's name. */

import { dirname, join } from "node:path";
import type { PrintedByJob } from "../../controller/run.ts";
import type { FolderFiles } from "../../runtime/files/files_below.ts";

/** The file of lines that no job has printed. Its name cannot be that of an input's output. */
const CORE_FILE = ".core";

/** Lines in memory that are not written yet. More are left out: the disk does not keep up. */
const QUEUED_CHARS_MAX = 8 * 1024 * 1024;

/** Jobs whose attempt is remembered. Of an older one, lines of a second attempt are added to those of the first. */
const JOBS_MAX = 10_000;

/** The files of one run. */
export class KeptOutput {
  readonly #files: FolderFiles;
  readonly #folder: string;
  readonly #onError: (error: unknown) => void;
  /** The latest attempt of each job that has printed something. */
  readonly #attempts = new Map<string, number>();
  #writing: Promise<void> = Promise.resolve();
  #queuedChars = 0;
  #hasFailed = false;

  constructor(files: FolderFiles, folder: string, onError: (error: unknown) => void) {
    this.#files = files;
    this.#folder = folder;
    this.#onError = onError;
  }

  /** Adds lines to the file of a job. A later attempt replaces what an earlier one has printed. */
  add({ name = CORE_FILE, attempt, lines }: PrintedByJob): void {
    const before = this.#attempts.get(name);
    const chars = lines.reduce((sum, line) => sum + line.length + 1, 0);
    if (this.#hasFailed || this.#queuedChars + chars > QUEUED_CHARS_MAX) return;
    if (before !== undefined && before > attempt) return;
    this.#remember(name, attempt);
    this.#queuedChars += chars;
    this.#writing = this.#writing.then(async () => {
      await this.#append(name, `${lines.join("\n")}\n`, before !== attempt);
    }).catch((error) => this.#onFailed(error)).finally(() => this.#queuedChars -= chars);
  }

  /** Resolves when everything is written. */
  close(): Promise<void> {
    return this.#writing;
  }

  #remember(name: string, attempt: number): void {
    this.#attempts.set(name, attempt);
    const [oldest] = this.#attempts.keys();
    if (this.#attempts.size > JOBS_MAX && oldest !== undefined) this.#attempts.delete(oldest);
  }

  async #append(name: string, text: string, isEmptied: boolean): Promise<void> {
    if (this.#hasFailed) return;
    const path = join(this.#folder, name);
    await this.#files.makeFolder(dirname(path));
    const file = await this.#files.openToAppend(path, isEmptied);
    try {
      await file.append(new TextEncoder().encode(text));
    } finally {
      await file.close();
    }
  }

  #onFailed(error: unknown): void {
    if (!this.#hasFailed) this.#onError(error);
    this.#hasFailed = true;
  }
}
