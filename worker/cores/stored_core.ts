/** A core that a worker has stored: its files, who uses it, and what is known about it. */

import type { CoreKey } from "../../pool/types.ts";
import type { Variable } from "../../protocol/mod.ts";
import type { StoredContent } from "./content_store.ts";
import type { StoredFile } from "./file_checks.ts";

/** A core in the store, with its setup. Only the store changes it, but for what loading it has shown. */
export class StoredCore {
  /** The core's own file. */
  path = "";
  /** Its files: the core's, and those beside it. Missing until they are laid out. */
  laidOut: readonly StoredFile[] = [];
  /** Whether one of them was found missing or changed. */
  isDamaged = false;
  /** When all of them were there. */
  seenAtMs = -Infinity;
  /** What the files are links to. The store keeps it for other setups as long as it has this one. */
  contents: readonly StoredContent[] = [];
  /** What is removed with it: its file or the folder of its setup, and those before whose files were missing. */
  readonly roots: string[] = [];
  /** How many connections, jobs and slots use it. The store deletes no core that has a user. */
  users = 0;
  /** Resolves when the file is complete; rejects if it cannot be written. */
  written: Promise<void> = Promise.resolve();
  isBeingWritten = false;
  /** How long it may take to load, if a controller has said so. */
  initMs = 0;
  /** The resident memory of the last process that has loaded it, before its first job, where the system says it. */
  loadedBytes: number | undefined;

  /** `name`: its controller's name for it, for messages. `bytes`: of all its files. */
  constructor(
    readonly key: CoreKey,
    readonly name: string,
    readonly bytes: number,
    /** What its processes are started with. */
    readonly variables: readonly Variable[] = [],
  ) {}

  /** Rejects with a `LoadError` if its files are no longer what was sent. The store sets it. */
  checkFiles: () => Promise<void> = () => Promise.resolve();
}
