/** Where a worker keeps the cores that controllers send: files named by their SHA-256, never overwritten. */

import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { chmod, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { CoreKey } from "../../pool/types.ts";
import { messageOf } from "../../runtime/error_text.ts";

/** Unused cores are kept for the next controller that wants them: at most this many, and this much. */
const UNUSED_CORES_MAX = 8;
const UNUSED_BYTES_MAX = 256 * 1024 * 1024;

/** A core on this machine. Only the store changes it. */
export class StoredCore {
  path = "";
  /** Connections, jobs and slots that need it. The store deletes no core that has a user. */
  users = 0;
  /** Resolves when the file is complete; rejects if it cannot be written. */
  written: Promise<void> = Promise.resolve();
  isBeingWritten = false;

  /** `name`: what its controller calls it, for people. */
  constructor(readonly key: CoreKey, readonly name: string, readonly bytes: number) {}
}

/** The SHA-256 by which a core is known. */
export function sha256Of(content: Uint8Array): CoreKey {
  return createHash("sha256").update(content).digest("hex") as CoreKey;
}

/** How a store behaves. */
export interface CoreStoreOptions {
  /** Hears of a core that has lost its last user: no slot has a reason to hold it loaded. */
  readonly onUnused?: (core: StoredCore) => void;
  /** The most that unused cores may take; 256 MiB unless given. */
  readonly unusedBytesMax?: number;
}

/** Keeps each core while it has users, and a few for longer. */
export class CoreStore {
  readonly #directory: string;
  readonly #onUnused: (core: StoredCore) => void;
  readonly #unusedBytesMax: number;
  readonly #cores = new Map<CoreKey, StoredCore>();
  #lastFile = 0;

  constructor(directory: string, options: CoreStoreOptions = {}) {
    const { onUnused = () => {}, unusedBytesMax = UNUSED_BYTES_MAX } = options;
    this.#directory = directory;
    this.#onUnused = onUnused;
    this.#unusedBytesMax = unusedBytesMax;
  }

  /** The keys of all cores that are here. */
  get keys(): CoreKey[] {
    return [...this.#cores.keys()].filter((key) => this.has(key));
  }

  /** Whether a core is here or being written. Its file may be gone: systems clean up temporary folders. */
  has(key: CoreKey): boolean {
    const core = this.#cores.get(key);
    if (!core || core.isBeingWritten) return core !== undefined;
    return statSync(core.path, { throwIfNoEntry: false })?.size === core.bytes;
  }

  /** Writes the core to a file unless it is here, and counts one more user at once. */
  async add(name: string, content: Uint8Array, key = sha256Of(content)): Promise<StoredCore> {
    if (!this.has(key)) this.#write(key, name, content);
    return await this.find(key) as StoredCore;
  }

  /** Counts one more user of a core, at once, if it is here. Resolves when its file is complete. */
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

  /** Counts one user less. */
  release(core: StoredCore): void {
    core.users -= 1;
    if (core.users > 0) return;
    // To the end of the map: the first in it was used longest ago.
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
      // A loaded library survives its file. If the file cannot be removed, it goes with the worker's folder.
      rm(core.path, { force: true }).catch(() => {});
    }
  }

  #write(key: CoreKey, name: string, content: Uint8Array): void {
    // One whose file is gone may still have users: they get the new file.
    const core = this.#cores.get(key) ?? new StoredCore(key, name, content.byteLength);
    // A new name each time: the old file of an evicted core may still be about to be removed.
    const path = join(this.#directory, `${key}-${++this.#lastFile}.core`);
    core.path = path;
    core.isBeingWritten = true;
    core.written = writeCore(path, content).finally(() => core.isBeingWritten = false);
    this.#cores.set(key, core);
  }
}

async function writeCore(path: string, content: Uint8Array): Promise<void> {
  const unfinished = `${path}.unfinished`;
  try {
    await writeFile(unfinished, content);
    await chmod(unfinished, 0o500);
    await rename(unfinished, path);
  } catch (cause) {
    await rm(unfinished, { force: true });
    const reason = messageOf(cause);
    throw new Error(`this worker cannot store it in "${dirname(path)}": ${reason}`, { cause });
  }
}
