/**
 * Stores the cores that controllers send, each in a file of its own that is never overwritten, or in a folder with
 * the files beside it.
 */

import { join } from "node:path";
import type { CoreKey } from "../../pool/types.ts";
import type { CoreSetup } from "../../protocol/mod.ts";
import { coreName } from "./core_name.ts";
import { withOpenFile } from "../../system/file_hash.ts";
import { readPart } from "../../system/file_part.ts";
import { sha256Of } from "../../system/sha256.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Files } from "../../runtime/files/files.ts";
import { ArrivingCore, type CoreArrival, type CoreFile } from "./arriving_core.ts";
import { layOut, writeCore } from "./core_writing.ts";
import { ContentStore, type StoredContent } from "./content_store.ts";
import { FileChecks } from "./file_checks.ts";
import { StoredCore } from "./stored_core.ts";

/** Unused cores are kept for controllers that choose them later: at most this many, and this many bytes. */
const UNUSED_CORES_MAX = 8;
const UNUSED_BYTES_MAX = 256 * 1024 * 1024;

/**
 * The files of a stored core are looked for at most this often: it may have ten thousand, and controllers may ask
 * without end. What is gone meanwhile is noticed when the core is loaded.
 */
const LOOK_MS = 1_000;

/** The name of a core's file if its controller has not chosen one. */
const CORE_FILE = "core.so";

/** How a store is set up. */
export interface CoreStoreOptions {
  /** The contents of setups; a store for this one alone unless given. */
  readonly contents?: ContentStore;
  /** Called when a core loses its last user: no slot needs to keep it loaded. */
  readonly onUnused?: (core: StoredCore) => void;
  /** The most bytes of unused cores to keep; 256 MiB unless given. */
  readonly unusedBytesMax?: number;
  /** Without a clock, the files of a core are looked for and hashed every time. */
  readonly clock?: Clock;
}

/** Keeps each core while it has users, and a few unused ones. */
export class CoreStore {
  readonly #files: Files;
  readonly #directory: string;
  readonly #contents: ContentStore;
  readonly #checks: FileChecks;
  readonly #clock: Clock | undefined;
  readonly #onUnused: (core: StoredCore) => void;
  readonly #unusedBytesMax: number;
  readonly #cores = new Map<CoreKey, StoredCore>();
  #lastFile = 0;

  constructor(
    files: Files,
    directory: string,
    options: CoreStoreOptions = {},
  ) {
    this.#files = files;
    const { onUnused = () => {}, unusedBytesMax = UNUSED_BYTES_MAX } = options;
    this.#contents = options.contents ?? new ContentStore(files, directory);
    this.#checks = new FileChecks(files, options.clock);
    this.#clock = options.clock;
    this.#directory = directory;
    this.#onUnused = onUnused;
    this.#unusedBytesMax = unusedBytesMax;
  }

  /** The keys of all stored cores. */
  get keys(): CoreKey[] {
    return [...this.#cores.keys()].filter((key) => this.has(key));
  }

  /** Bytes of all cores and contents on the disk, in use or not, without those that are being written. */
  get bytes(): number {
    let bytes = this.#contents.bytes; // the files of setups are links to them
    for (const core of this.#cores.values()) {
      if (core.contents.length === 0 && !core.isBeingWritten) bytes += core.bytes;
    }
    return bytes;
  }

  /** Whether a core is stored or being written. Looks for its files: systems clean up temporary folders. */
  has(key: CoreKey): boolean {
    const core = this.#cores.get(key);
    if (!core || core.isBeingWritten) return core !== undefined;
    if (core.isDamaged) return false;
    const nowMs = this.#clock?.now() ?? Infinity;
    if (nowMs < core.seenAtMs + LOOK_MS) return true;
    const areHere = core.laidOut.every(({ path, bytes }) =>
      this.#files.infoSync(path)?.bytes === bytes
    );
    if (areHere) core.seenAtMs = nowMs;
    return areHere;
  }

  /** Writes the core to a file unless it is stored, and counts one more user at once. */
  async add(
    name: string,
    content: Uint8Array,
    key = sha256Of(content) as CoreKey,
  ): Promise<StoredCore> {
    if (!this.has(key)) {
      const { byteLength } = content;
      this.#write(key, name, byteLength, (path) => writeCore(this.#files, path, content));
    }
    return await this.find(key) as StoredCore;
  }

  /** A place for a large core that begins to arrive. */
  arriving(payloadBytes: number, parts: Pick<CoreArrival, "room" | "lock">): ArrivingCore {
    const path = join(this.#directory, `${++this.#lastFile}.arriving`);
    return new ArrivingCore({ files: this.#files, path, ...parts }, payloadBytes);
  }

  /** Stores a core that has arrived in a file, which is the store's from now on, and counts one more user. */
  async addFile(name: string, { path, bytes, digest }: CoreFile): Promise<StoredCore> {
    const key = digest as CoreKey;
    if (this.has(key)) await this.#files.remove(path);
    else this.#write(key, name, bytes, (to) => this.#files.rename(path, to));
    return await this.find(key) as StoredCore;
  }

  /**
   * Lays out a setup unless it is stored, and counts one more user at once. Resolves to the SHA-256 of contents
   * that are missing, if there are any.
   */
  async addSetup(
    key: CoreKey,
    setup: CoreSetup,
    name: string,
  ): Promise<StoredCore | readonly string[]> {
    if (!this.has(key)) {
      const digests = [...new Set([setup.core, ...setup.files.map(({ digest }) => digest)])];
      const contents = new Map(
        digests.flatMap((digest) => {
          const content = this.#contents.acquire(digest);
          return content ? [[digest, content] as const] : [];
        }),
      );
      if (contents.size < digests.length) {
        for (const content of contents.values()) this.#contents.release(content);
        return digests.filter((digest) => !contents.has(digest));
      }
      this.#layOut(key, setup, name, contents);
    }
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
      if (core.users === 0 && this.#cores.get(key) === core) this.#forget(core);
      throw error;
    }
    return core;
  }

  /** The content of a core's own file. Another core may have put something without an end in its place. */
  content({ path, laidOut }: StoredCore): Promise<Uint8Array> {
    const bytes = laidOut[0]?.bytes ?? 0;
    return withOpenFile(this.#files, path, (file) => readPart(file, 0, bytes));
  }

  /** The core with this key, unless it was never stored or is deleted. It may have no users. */
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
      this.#forget(core);
    }
  }

  /** Removes a core that has no users. */
  #forget(core: StoredCore): void {
    this.#cores.delete(core.key);
    // A loaded library does not need its file. A file that cannot be removed now goes with the worker's folder.
    for (const root of core.roots) this.#files.remove(root).catch(() => {});
    this.#use(core, []);
  }

  #use(core: StoredCore, contents: readonly StoredContent[]): void {
    const before = core.contents;
    core.contents = contents;
    for (const content of before) this.#contents.release(content);
  }

  #write(key: CoreKey, name: string, bytes: number, write: (path: string) => Promise<void>): void {
    // A core whose file is missing may still have users. They get the new file.
    const core = this.#cores.get(key) ?? new StoredCore(key, coreName(name), bytes);
    // A new name each time: the removal of an evicted core's old file may still be pending.
    const path = join(this.#directory, `${key}-${++this.#lastFile}.core`);
    core.path = path;
    core.roots.push(path);
    const digest = key as string; // nothing comes with it
    core.laidOut = [{ path, bytes, digest }];
    this.#begin(core, write(path));
  }

  /** Makes the folder of a setup. Its files are links to the contents. */
  #layOut(
    key: CoreKey,
    setup: CoreSetup,
    name: string,
    contents: ReadonlyMap<string, StoredContent>,
  ): void {
    const files = [{ path: setup.path || CORE_FILE, digest: setup.core }, ...setup.files];
    const links = files.map(({ path, digest }) => ({
      path,
      content: contents.get(digest) as StoredContent,
    }));
    const bytes = links.reduce((sum, { content }) => sum + content.bytes, 0);
    const core = this.#cores.get(key) ??
      new StoredCore(key, coreName(name), bytes, setup.variables);
    const root = join(this.#directory, `${key}-${++this.#lastFile}`);
    this.#use(core, [...contents.values()]);
    core.roots.push(root);
    core.laidOut = links.map(({ path, content }) => ({
      path: join(root, path),
      bytes: content.bytes,
      digest: content.digest,
      content,
    }));
    core.path = core.laidOut[0]?.path ?? "";
    this.#begin(
      core,
      layOut(
        this.#files,
        root,
        links.map(({ content }, index) => [content.path, core.laidOut[index]?.path ?? ""]),
      ),
    );
  }

  #begin(core: StoredCore, writing: Promise<void>): void {
    core.isBeingWritten = true;
    core.isDamaged = false;
    core.seenAtMs = -Infinity;
    core.checkFiles = () => this.#checks.check(core);
    core.written = writing.finally(() => core.isBeingWritten = false);
    this.#cores.set(core.key, core);
  }
}
