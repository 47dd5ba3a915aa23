/**
 * Checks that the files of a stored core are what its controller has sent. All cores run as the user of the worker,
 * so each of them can change the files of the others.
 */

import type { Clock } from "../../runtime/clock.ts";
import type { Files } from "../../runtime/files/files.ts";
import { hashesOf, withOpenFile } from "../../system/file_hash.ts";
import type { StoredContent } from "./content_store.ts";
import { LoadError } from "./load_error.ts";

/** A file of a stored core. */
export interface StoredFile {
  readonly path: string;
  readonly bytes: number;
  /** Its SHA-256. */
  readonly digest: string;
  /** What it is a link to, if its setup has others. */
  readonly content?: StoredContent | undefined;
}

/** What of the file system is needed. */
type CheckedFiles = Pick<Files, "infoSync" | "target" | "openToRead">;

/** What is checked of a core. */
interface Checked {
  readonly laidOut: readonly StoredFile[];
  /** Whether one of its files is missing or was changed. */
  isDamaged: boolean;
}

/** A file that was what it should be. */
interface Passed {
  /** What the system said of it before it was hashed. */
  readonly stamp: string;
  readonly untilMs: number;
}

/**
 * Slots of a crashing core load it again and again. So a file that took 40 ms to hash is not hashed again within
 * the next 0.8 seconds if the system says that nobody has written to it: that costs a twentieth of one CPU.
 */
const HASHING_TIMES = 20;

/** How many files are read at once: a setup may have thousands. */
const READS_MAX = 16;

/** The checks of all cores of a worker. */
export class FileChecks {
  readonly #files: CheckedFiles;
  readonly #clock: Pick<Clock, "now"> | undefined;
  /** Slots that load a core together share a check. */
  readonly #running = new Map<Checked, Promise<void>>();
  readonly #passed = new WeakMap<StoredFile, Passed>();

  constructor(files: CheckedFiles, clock?: Pick<Clock, "now">) {
    this.#files = files;
    this.#clock = clock;
  }

  /** Rejects with a `LoadError` if a file of the core is missing or was changed. The core is then damaged. */
  check(core: Checked): Promise<void> {
    const running = this.#running.get(core) ?? this.#check(core);
    this.#running.set(core, running);
    return running;
  }

  async #check(core: Checked): Promise<void> {
    const { laidOut } = core;
    const left = laidOut.values();
    let wasChanged = false;
    const checkLeft = async () => {
      for (const file of left) {
        if (wasChanged || await this.#isIntact(file)) continue;
        wasChanged = true;
        if (file.content) file.content.isDamaged = true;
      }
    };
    try {
      await Promise.all(Array.from({ length: READS_MAX }, checkLeft));
    } finally {
      this.#running.delete(core);
    }
    if (!wasChanged) return;
    if (core.laidOut === laidOut) core.isDamaged = true; // otherwise it was sent again meanwhile
    throw new LoadError("its files on this worker are no longer what was sent", "damaged");
  }

  /** A file that cannot be read is as good as missing. */
  async #isIntact(file: StoredFile): Promise<boolean> {
    try {
      return await this.#hasItsContent(file);
    } catch {
      return false;
    }
  }

  async #hasItsContent(file: StoredFile): Promise<boolean> {
    const { path, bytes, digest } = file;
    const info = this.#files.infoSync(path); // a pipe in its place would never end
    if (info?.kind !== "file" || info.bytes !== bytes) return false;
    const { modifiedAtMs, changedAt } = await this.#files.target(path);
    const stamp = `${modifiedAtMs} ${changedAt}`;
    const nowMs = this.#clock?.now() ?? 0;
    const passed = this.#passed.get(file);
    if (passed?.stamp === stamp && nowMs < passed.untilMs) return true;
    const { whole } = await withOpenFile(this.#files, path, (opened) => hashesOf(opened, bytes));
    if (whole !== digest) return false;
    const endedMs = this.#clock?.now() ?? 0;
    this.#passed.set(file, { stamp, untilMs: endedMs + HASHING_TIMES * (endedMs - nowMs) });
    return true;
  }
}
