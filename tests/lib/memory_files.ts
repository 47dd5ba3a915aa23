/**
 * A disk in memory. It can be full, and it can lose what was not synced when the power fails.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { MemoryDisk } from "./memory_files.ts";
 *
 * const disk = new MemoryDisk();
 * const { files } = disk;
 * await files.makeFolder("/out");
 * await files.create("/out/a", "some text");
 * assert.equal(disk.text("/out/a"), "some text");
 * assert.deepEqual(disk.operations, ["makeFolder /out", "create /out/a"]);
 * ```
 */

import { basename, dirname } from "node:path";
import type {
  FileInfo,
  Files,
  OpenFile,
  SharedFile,
  TargetInfo,
} from "../../runtime/files/files.ts";
import type { Entry } from "../../runtime/files/folder.ts";

/** A file grows at least by this factor, so that many small appends are cheap. */
const GROWTH = 2;

class Content {
  #bytes: Uint8Array<ArrayBuffer>;
  length: number;
  /** How many of its bytes survive a power failure. */
  syncedLength = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes.slice();
    this.length = bytes.byteLength;
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.length);
  }

  append(bytes: Uint8Array): void {
    const length = this.length + bytes.byteLength;
    if (length > this.#bytes.byteLength) {
      const larger = new Uint8Array(Math.max(length, GROWTH * this.#bytes.byteLength));
      larger.set(this.bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.length);
    this.length = length;
  }

  cut(length: number): void {
    this.length = Math.min(this.length, length);
    this.syncedLength = Math.min(this.syncedLength, length);
  }
}

/** A step of an operation that takes time. It never resolves for a process that was killed. */
export type Wait = () => Promise<void>;

/** A disk in memory. */
export class MemoryDisk {
  readonly #files = new Map<string, Content>();
  readonly #folders = new Set(["/"]);
  #lastFolder = 0;
  /** What was done, in order: an operation and a path. */
  readonly operations: string[] = [];
  /** Called with every operation before it is done, and with the bytes that it writes. */
  onOperation: (operation: string, path: string, content?: Uint8Array) => void = () => {};
  /** Whether `operations` grows. A long simulation turns it off. */
  isRecording = true;
  /** How many bytes fit. */
  freeBytes = Infinity;
  /** Whether it does not tell upper from lower case: what is there keeps its name. */
  ignoresCase = false;

  /** The disk for a process that is never killed, and whose operations take no time. */
  readonly files: Files = this.filesFor(() => Promise.resolve());

  /** The disk as one process sees it. */
  filesFor(wait: Wait): Files {
    return new MemoryFiles(this, wait);
  }

  /** The paths of all files. */
  get paths(): string[] {
    return [...this.#files.keys()];
  }

  /** The content of a file; `undefined` if there is none. */
  bytes(path: string): Uint8Array<ArrayBuffer> | undefined {
    return this.#files.get(this.#named(path))?.bytes;
  }

  /** The content of a file as text. */
  text(path: string): string | undefined {
    const bytes = this.bytes(path);
    return bytes && new TextDecoder().decode(bytes);
  }

  /** Cuts a file, as damage does. */
  cut(path: string, bytes: number): void {
    this.#files.get(this.#named(path))?.cut(bytes);
  }

  /** The power fails: of each file, only a part of what was not synced is left. */
  losePower(fraction: () => number): void {
    for (const content of this.#files.values()) {
      const { length, syncedLength } = content;
      content.cut(syncedLength + Math.floor(fraction() * (length - syncedLength + 1)));
    }
  }

  // For `MemoryFiles`.

  began(operation: string, path: string, content?: Uint8Array): void {
    if (this.isRecording) this.operations.push(`${operation} ${path}`);
    this.onOperation(operation, path, content);
  }

  /** The path of what this path leads to; of what is new, in the folder that it leads to. */
  #named(path: string): string {
    if (!this.ignoresCase || path === "/" || path === ".") return path;
    const named = `${this.#named(dirname(path)).replace(/\/$/, "")}/${basename(path)}`;
    const isSame = (other: string) => other.toLowerCase() === named.toLowerCase();
    return [...this.#folders, ...this.#files.keys()].find(isSame) ?? named;
  }

  at(named: string): Content {
    const path = this.#named(named);
    const content = this.#files.get(path);
    if (content) return content;
    throw failure(this.#folders.has(path) ? "EISDIR" : "ENOENT", path);
  }

  create(named: string, content: Uint8Array): Content {
    const path = this.#named(named);
    if (this.#files.has(path)) throw failure("EEXIST", path);
    if (this.#folders.has(path)) throw failure("EISDIR", path);
    if (!this.#folders.has(dirname(path))) {
      throw failure(this.#files.has(dirname(path)) ? "ENOTDIR" : "ENOENT", path);
    }
    const created = new Content(new Uint8Array(0));
    this.#files.set(path, created);
    this.append(created, path, content);
    return created;
  }

  append(content: Content, path: string, bytes: Uint8Array): void {
    const taken = bytes.subarray(0, Math.max(0, this.freeBytes));
    content.append(taken);
    this.freeBytes -= taken.byteLength;
    if (taken.byteLength < bytes.byteLength) throw failure("ENOSPC", path);
  }

  find(path: string): Content | undefined {
    return this.#files.get(this.#named(path));
  }

  rename(named: string, newNamed: string): void {
    const [path, newPath] = [this.#named(named), this.#named(newNamed)];
    const content = this.at(path);
    if (!this.#folders.has(dirname(newPath))) {
      throw failure(this.#files.has(dirname(newPath)) ? "ENOTDIR" : "ENOENT", newPath);
    }
    if (this.#folders.has(newPath)) throw failure("EISDIR", newPath);
    this.#files.delete(path);
    this.#files.set(newPath, content);
  }

  link(path: string, newNamed: string): void {
    const newPath = this.#named(newNamed);
    if (this.#files.has(newPath) || this.#folders.has(newPath)) throw failure("EEXIST", newPath);
    this.#files.set(newPath, this.at(path));
  }

  makeFolder(named: string): void {
    const path = this.#named(named);
    if (this.#files.has(path)) throw failure("EEXIST", path);
    if (!this.#folders.has(dirname(path))) this.makeFolder(dirname(path));
    this.#folders.add(path);
  }

  makePrivateFolder(prefix: string): string {
    const path = `${prefix}${++this.#lastFolder}`;
    this.makeFolder(path);
    return path;
  }

  list(named: string): string[] {
    const path = this.#named(named.replace(/\/\.$/, "")); // not through a link
    if (!this.#folders.has(path)) throw failure("ENOENT", path);
    return [...this.#folders, ...this.#files.keys()]
      .filter((other) => other !== path && dirname(other) === path)
      .map((other) => basename(other));
  }

  info(named: string): FileInfo | undefined {
    const path = this.#named(named);
    const bytes = this.#files.get(path)?.length;
    if (bytes === undefined && !this.#folders.has(path)) return undefined;
    const kind = bytes === undefined ? "folder" : "file";
    return { kind, bytes: bytes ?? 0, modifiedAtMs: 0, uid: 0 };
  }

  unlink(named: string): void {
    const path = this.#named(named);
    const content = this.at(path);
    this.#files.delete(path);
    if (![...this.#files.values()].includes(content)) this.freeBytes += content.length;
  }

  remove(named: string): void {
    const path = this.#named(named);
    const isIn = (other: string) => other === path || other.startsWith(`${path}/`);
    if (this.#files.has(path)) return this.unlink(path);
    if (!this.#folders.has(path)) return;
    for (const file of this.paths) if (isIn(file)) this.unlink(file);
    for (const folder of this.#folders) if (isIn(folder)) this.#folders.delete(folder);
  }
}

/** The disk as one process sees it. Each operation is done in the middle of its time. */
class MemoryFiles implements Files {
  readonly #disk: MemoryDisk;
  readonly #wait: Wait;

  constructor(disk: MemoryDisk, wait: Wait) {
    this.#disk = disk;
    this.#wait = wait;
  }

  openToRead(path: string): Promise<OpenFile> {
    return this.#does("open", path, () => this.#open(path, this.#disk.at(path)));
  }

  openToAppend(path: string, isEmptied: boolean): Promise<OpenFile> {
    return this.#does("open", path, () => {
      const content = this.#disk.find(path) ?? this.#disk.create(path, new Uint8Array(0));
      if (isEmptied) content.cut(0);
      return this.#open(path, content);
    });
  }

  openShared(path: string): SharedFile {
    const content = this.#disk.at(path);
    return {
      read: ({ buffer, byteOffset, byteLength }, at = 0) =>
        new Uint8Array(buffer, byteOffset, byteLength).set(
          content.bytes.subarray(at, at + byteLength),
        ),
      write: (value, at) => content.bytes.set(new Uint8Array(Float64Array.of(value).buffer), at),
      close() {},
    };
  }

  create(path: string, content: Uint8Array | string): Promise<void> {
    const bytes = bytesOf(content);
    return this.#does("create", path, () => void this.#disk.create(path, bytes), bytes);
  }

  createSync(path: string, content: Uint8Array): void {
    this.#disk.began("create", path, content);
    this.#disk.create(path, content);
  }

  rename(path: string, newPath: string): Promise<void> {
    return this.#does("rename", newPath, () => this.#disk.rename(path, newPath));
  }

  link(path: string, newPath: string): Promise<void> {
    return this.#does("link", newPath, () => this.#disk.link(path, newPath));
  }

  renameSync(path: string, newPath: string): void {
    this.#disk.began("rename", newPath);
    this.#disk.rename(path, newPath);
  }

  makeFolder(path: string): Promise<void> {
    return this.#does("makeFolder", path, () => this.#disk.makeFolder(path));
  }

  makeFolderSync(path: string): void {
    this.#disk.began("makeFolder", path);
    this.#disk.makeFolder(path);
  }

  makePrivateFolder(prefix: string): Promise<string> {
    return this.#does("makeFolder", prefix, () => this.#disk.makePrivateFolder(prefix));
  }

  list(path: string): Promise<string[]> {
    return this.#does("list", path, () => this.#disk.list(path));
  }

  info(path: string): Promise<FileInfo> {
    return this.#does("info", path, () => {
      const info = this.#disk.info(path);
      if (!info) throw failure("ENOENT", path);
      return info;
    });
  }

  infoSync(path: string): FileInfo | undefined {
    return this.#disk.info(path);
  }

  async *entries(path: string): AsyncIterable<readonly Entry[]> {
    const names = await this.list(path);
    yield names.map((name) => {
      const kind = this.#disk.info(`${path}/${name}`)?.kind;
      return { name, kind: kind === "folder" || kind === "file" ? kind : "other" };
    });
  }

  /** There are no links. */
  realPath(path: string): Promise<string> {
    return this.info(path).then(() => path);
  }

  readLink(path: string): Promise<string> {
    return Promise.reject(failure("EINVAL", path));
  }

  async target(path: string): Promise<TargetInfo> {
    return { ...await this.info(path), changedAt: "0.000000000" };
  }

  content(path: string): Promise<Uint8Array<ArrayBuffer>> {
    return this.#does("read", path, () => this.#disk.at(path).bytes.slice());
  }

  unlink(path: string): Promise<void> {
    return this.#does("unlink", path, () => this.#disk.unlink(path));
  }

  unlinkSync(path: string): void {
    this.#disk.began("unlink", path);
    this.#disk.unlink(path);
  }

  removeEmptyFolder(path: string): Promise<void> {
    return this.#does("removeEmptyFolder", path, () => this.#disk.remove(path));
  }

  remove(path: string): Promise<void> {
    return this.#does("remove", path, () => this.#disk.remove(path));
  }

  removeSync(path: string): void {
    this.#disk.began("remove", path);
    this.#disk.remove(path);
  }

  #open(path: string, content: Content): OpenFile {
    const does = <T>(what: string, act: () => T, content?: Uint8Array) =>
      this.#does(what, path, act, content);
    return {
      info: () =>
        does("info", () => ({ kind: "file", bytes: content.length, modifiedAtMs: 0, uid: 0 })),
      read: (into, at) =>
        does("read", () => {
          const bytes = content.bytes.subarray(at, at + into.byteLength);
          into.set(bytes);
          return bytes.byteLength;
        }),
      append: (bytes) => does("append", () => this.#disk.append(content, path, bytes), bytes),
      datasync: () => does("datasync", () => void (content.syncedLength = content.length)),
      truncate: (bytes) => does("truncate", () => content.cut(bytes)),
      close: () => does("close", () => {}),
    };
  }

  async #does<T>(
    operation: string,
    path: string,
    act: () => T,
    content?: Uint8Array,
  ): Promise<T> {
    await this.#wait();
    this.#disk.began(operation, path, content);
    const result = act();
    await this.#wait();
    return result;
  }
}

function bytesOf(content: Uint8Array | string): Uint8Array {
  return typeof content === "string" ? new TextEncoder().encode(content) : content;
}

/** An error as of `node:fs`. */
function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
