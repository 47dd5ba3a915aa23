/** Where a worker keeps the cores that controllers send: files named by their SHA-256, never overwritten. */

import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { chmod, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { CoreKey } from "../../pool/types.ts";
import { messageOf } from "../../runtime/error_text.ts";

/** Cores that nobody uses are kept for whoever comes next: as many as this, and as much. */
const KEPT_CORES_MAX = 8;
const KEPT_BYTES_MAX = 256 * 1024 * 1024;

/** A core as it was sent. */
export interface OfferedCore {
  readonly key: CoreKey;
  readonly name: string;
  readonly content: Uint8Array;
}

/** A core on this machine. */
export interface StoredCore {
  readonly key: CoreKey;
  /** What its controller calls it, for people. */
  readonly name: string;
  readonly path: string;
}

interface Entry {
  readonly core: StoredCore;
  readonly bytes: number;
  users: number;
  readonly writing: Promise<void>;
  isWritten: boolean;
}

/** What a core is known by: its SHA-256. */
export function keyOf(content: Uint8Array): CoreKey {
  return createHash("sha256").update(content).digest("hex") as CoreKey;
}

/** Holds each core as long as somebody uses it, and a few for longer. */
export class CoreStore {
  readonly #directory: string;
  readonly #entries = new Map<CoreKey, Entry>();
  #lastFile = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Cores that are here. */
  get keys(): CoreKey[] {
    return [...this.#entries.keys()].filter((key) => this.has(key));
  }

  /** Whether a core is here, or on its way to the disk. Whatever tidies temporary folders may have taken it. */
  has(key: CoreKey): boolean {
    const entry = this.#entries.get(key);
    if (!entry?.isWritten) return entry !== undefined;
    return statSync(entry.core.path, { throwIfNoEntry: false })?.size === entry.bytes;
  }

  /** Writes the core to a file, unless it is there, and counts one more user of it, both at once. */
  async add(name: string, content: Uint8Array, key = keyOf(content)): Promise<StoredCore> {
    if (!this.has(key)) this.#write(key, name, content);
    return await this.reuse(key) as StoredCore;
  }

  /** Counts one more user of a core, if it is here. */
  async reuse(key: CoreKey): Promise<StoredCore | undefined> {
    const entry = this.#entries.get(key);
    if (!entry || !this.has(key)) return undefined;
    entry.users += 1;
    try {
      await entry.writing;
    } catch (error) {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
      throw error;
    }
    return entry.core;
  }

  /** A core that somebody uses. */
  get(key: CoreKey): StoredCore | undefined {
    return this.#entries.get(key)?.core;
  }

  /** Counts one more user of a core that has one. */
  use(key: CoreKey): void {
    const entry = this.#entries.get(key);
    if (entry) entry.users += 1;
  }

  /** Gives up one use. True when it was the last: no slot has a reason to hold it loaded. */
  release(key: CoreKey): boolean {
    const entry = this.#entries.get(key);
    if (!entry) return false;
    entry.users -= 1;
    if (entry.users > 0) return false;
    // To the end of the map: the first in it was used longest ago.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    this.#evict();
    return true;
  }

  #evict(): void {
    const unused = [...this.#entries.values()].filter(({ users }) => users === 0);
    let count = unused.length;
    let bytes = unused.reduce((sum, entry) => sum + entry.bytes, 0);
    for (const entry of unused) {
      if (count <= KEPT_CORES_MAX && bytes <= KEPT_BYTES_MAX) return;
      count -= 1;
      bytes -= entry.bytes;
      this.#entries.delete(entry.core.key);
      // A loaded library survives its file. That a file stays until the worker's folder goes is no harm.
      rm(entry.core.path, { force: true }).catch(() => {});
    }
  }

  #write(key: CoreKey, name: string, content: Uint8Array): void {
    // A new name each time: an old file of the same core may still be on its way out.
    const path = join(this.#directory, `${key}-${++this.#lastFile}.core`);
    const core = { key, name, path };
    const bytes = content.byteLength;
    const writing = writeCore(path, content).then(() => {
      entry.isWritten = true;
    });
    // Of one whose file is gone, the users have not changed.
    const users = this.#entries.get(key)?.users ?? 0;
    const entry: Entry = { core, bytes, users, writing, isWritten: false };
    this.#entries.set(key, entry);
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
