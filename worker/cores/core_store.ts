/** Stores the cores that controllers send, in files named by their SHA-256 and never overwritten. */

import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import type { CoreKey } from "../../pool/types.ts";
import { messageOf } from "../../runtime/error_text.ts";
import type { Files } from "../../runtime/files.ts";

/** Unused cores are kept for controllers that choose them later: at most this many, and this many bytes. */
const UNUSED_CORES_MAX = 8;
const UNUSED_BYTES_MAX = 256 * 1024 * 1024;

/** Only this user may load it, and nobody may change it. */
const CORE_MODE = 0o500;

/** A core in the store. Only the store changes it. */
export class StoredCore {
  path = "";
  /** How many connections, jobs and slots use it. The store deletes no core that has a user. */
  users = 0;
  /** Resolves when the file is complete; rejects if it cannot be written. */
  written: Promise<void> = Promise.resolve();
  isBeingWritten = false;
  /** How long it may take to load, if a controller has said so. */
  initMs = 0;

  /** `name`: its controller's name for it, for messages. */
  constructor(readonly key: CoreKey, readonly name: string, readonly bytes: number) {}
}

/** The key of a core: its SHA-256. */
export function sha256Of(content: Uint8Array): CoreKey {
  return createHash("sha256").update(content).digest("hex") as CoreKey;
}

/** How a store is set up. */
export interface CoreStoreOptions {
  /** Called when a core loses its last user: no slot needs to keep it loaded. */
  readonly onUnused?: (core: StoredCore) => void;
  /** The most bytes of unused cores to keep; 256 MiB unless given. */
  readonly unusedBytesMax?: number;
}

/** Keeps each core while it has users, and a few unused ones. */
export class CoreStore {
  readonly #files: Files;
  readonly #directory: string;
  readonly #onUnused: (core: StoredCore) => void;
  readonly #unusedBytesMax: number;
  readonly #cores = new Map<CoreKey, StoredCore>();
  #lastFile = 0;

  constructor(files: Files, directory: string, options: CoreStoreOptions = {}) {
    this.#files = files;
    const { onUnused = () => {}, unusedBytesMax = UNUSED_BYTES_MAX } = options;
    this.#directory = directory;
    this.#onUnused = onUnused;
    this.#unusedBytesMax = unusedBytesMax;
  }

  /** The keys of all stored cores. */
  get keys(): CoreKey[] {
    return [...this.#cores.keys()].filter((key) => this.has(key));
  }

  /** Whether a core is stored or being written. Checks its file: systems clean up temporary folders. */
  has(key: CoreKey): boolean {
    const core = this.#cores.get(key);
    if (!core || core.isBeingWritten) return core !== undefined;
    return this.#files.infoSync(core.path)?.bytes === core.bytes;
  }

  /** Writes the core to a file unless it is stored, and counts one more user at once. */
  async add(name: string, content: Uint8Array, key = sha256Of(content)): Promise<StoredCore> {
    if (!this.has(key)) this.#write(key, name, content);
    return await this.find(key) as StoredCore;
  }

  /** Counts one more user of a core at once, if it is stored. Resolves when its file is complete. */
  async find(key: CoreKey): Promise<StoredCore | undefined> {
    const core = this.#cores.get(key);
    if (!core || !this.has(key)) return undefined;
    core.users += 1;
    try {
      await core.written;
    } catch (error) {
      this.release(core);
      if (core.users === 0) this.#cores.delete(key);
      throw error;
    }
    return core;
  }

  /** The core with this key, if it has users. */
  get(key: CoreKey): StoredCore | undefined {
    return this.#cores.get(key);
  }

  /** Counts one more user of a core that has one. */
  acquire(core: StoredCore): void {
    core.users += 1;
  }

  /** Counts one user fewer. */
  release(core: StoredCore): void {
    core.users -= 1;
    if (core.users > 0) return;
    // Moves it to the end of the map, whose order is from the least to the most recently used.
    this.#cores.delete(core.key);
    this.#cores.set(core.key, core);
    this.#evict();
    this.#onUnused(core);
  }

  #evict(): void {
    const unused = [...this.#cores.values()].filter(({ users }) => users === 0);
    let count = unused.length;
    let bytes = unused.reduce((sum, core) => sum + core.bytes, 0);
    for (const core of unused) {
      if (count <= UNUSED_CORES_MAX && bytes <= this.#unusedBytesMax) return;
      count -= 1;
      bytes -= core.bytes;
      this.#cores.delete(core.key);
      // A loaded library does not need its file. A file that cannot be removed now goes with the worker's folder.
      this.#files.remove(core.path).catch(() => {});
    }
  }

  #write(key: CoreKey, name: string, content: Uint8Array): void {
    // A core whose file is missing may still have users. They get the new file.
    const core = this.#cores.get(key) ?? new StoredCore(key, name, content.byteLength);
    // A new name each time: the removal of an evicted core's old file may still be pending.
    const path = join(this.#directory, `${key}-${++this.#lastFile}.core`);
    core.path = path;
    core.isBeingWritten = true;
    core.written = writeCore(this.#files, path, content).finally(() => core.isBeingWritten = false);
    this.#cores.set(key, core);
  }
}

async function writeCore(files: Files, path: string, content: Uint8Array): Promise<void> {
  const unfinished = `${path}.unfinished`;
  try {
    await files.create(unfinished, content, CORE_MODE);
    await files.rename(unfinished, path);
  } catch (cause) {
    await files.remove(unfinished).catch(() => {}); // the first error is the one to report
    const reason = messageOf(cause);
    throw new Error(`this worker cannot store it in "${dirname(path)}": ${reason}`, { cause });
  }
}
