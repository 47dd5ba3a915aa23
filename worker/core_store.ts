/** Where a worker keeps the cores that controllers send: files named by their SHA-256, never overwritten. */

import { createHash } from "node:crypto";
import { chmod, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CoreKey } from "../pool/types.ts";

/** A core on this machine. */
export interface StoredCore {
  readonly key: CoreKey;
  /** What its controller calls it, for people. */
  readonly name: string;
  readonly path: string;
}

interface Entry {
  readonly core: StoredCore;
  users: number;
  readonly writing: Promise<void>;
}

/** Holds each core as long as somebody uses it. */
export class CoreStore {
  readonly #directory: string;
  readonly #entries = new Map<CoreKey, Entry>();
  #lastFile = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Writes the core to a file, unless it is there, and counts one more user of it. */
  async add(name: string, content: Uint8Array): Promise<StoredCore> {
    const key = createHash("sha256").update(content).digest("hex") as CoreKey;
    const entry = this.#entries.get(key) ?? this.#write(key, name, content);
    entry.users += 1;
    try {
      await entry.writing;
    } catch (error) {
      this.#entries.delete(key);
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

  /** Gives up one use. True when it was the last: the file is gone, and nothing may load it again. */
  release(key: CoreKey): boolean {
    const entry = this.#entries.get(key);
    if (!entry) return false;
    entry.users -= 1;
    if (entry.users > 0) return false;
    this.#entries.delete(key);
    // A loaded library survives its file. That a file stays until the worker's folder goes is no harm.
    rm(entry.core.path, { force: true }).catch(() => {});
    return true;
  }

  #write(key: CoreKey, name: string, content: Uint8Array): Entry {
    // A new name each time: an old file of the same core may still be on its way out.
    const path = join(this.#directory, `${key}-${++this.#lastFile}.core`);
    const entry = { core: { key, name, path }, users: 0, writing: writeCore(path, content) };
    this.#entries.set(key, entry);
    return entry;
  }
}

async function writeCore(path: string, content: Uint8Array): Promise<void> {
  const unfinished = `${path}.unfinished`;
  await writeFile(unfinished, content);
  await chmod(unfinished, 0o500);
  await rename(unfinished, path);
}
