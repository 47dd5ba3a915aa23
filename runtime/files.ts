/**
 * The file system. Code that writes what has to survive a crash takes it as a parameter, so that a test can see
 * every operation and their order, and a simulation can tear files and fill disks.
 */

import {
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
  writeSync,
} from "node:fs";
import {
  type FileHandle,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  rename,
  rm,
  unlink,
  writeFile,
} from "node:fs/promises";

/** What is at a path. Links are not followed. */
export interface FileInfo {
  readonly kind: "file" | "folder" | "socket" | "other";
  readonly bytes: number;
  /** When it was changed last, in milliseconds since 1970. */
  readonly modifiedAtMs: number;
  /** The user that owns it. */
  readonly uid: number;
}

/** An open file. */
export interface OpenFile {
  info(): Promise<FileInfo>;
  /** Reads some bytes from `at` on. Resolves to their number, 0 at the end of the file. */
  read(into: Uint8Array<ArrayBuffer>, at: number): Promise<number>;
  /** Adds bytes at the end of the file. A full disk may take only some of them. */
  append(bytes: Uint8Array): Promise<void>;
  /** Resolves when everything that was appended survives a power failure. */
  datasync(): Promise<void>;
  /** Cuts the file to this size. */
  truncate(bytes: number): Promise<void>;
  close(): Promise<void>;
}

/** A file that another process changes while this one reads it. */
export interface SharedFile {
  read(into: Float64Array<ArrayBuffer>): void;
  /** Overwrites a number at `at`, in bytes. */
  write(value: number, at: number): void;
  close(): void;
}

/** The operations. They fail with the errors of `node:fs`, which have a `code`. */
export interface Files {
  /** Opens a file to read it. */
  openToRead(path: string): Promise<OpenFile>;
  /** Opens a file to read it and to append to it. Creates it if there is none. `isEmptied`: its content is lost. */
  openToAppend(path: string, isEmptied: boolean): Promise<OpenFile>;
  openShared(path: string): SharedFile;
  /** Writes a file that does not exist yet. */
  create(path: string, content: Uint8Array | string, mode?: number): Promise<void>;
  createSync(path: string, content: Uint8Array, mode?: number): void;
  /** Renames a file. It replaces what has the new name. */
  rename(path: string, newPath: string): Promise<void>;
  renameSync(path: string, newPath: string): void;
  /** Makes a folder, and those above it. It may exist. */
  makeFolder(path: string): Promise<void>;
  makeFolderSync(path: string): void;
  /** Makes a new folder that only this user may enter. Resolves to its path, which begins with `prefix`. */
  makePrivateFolder(prefix: string): Promise<string>;
  /** The names in a folder. */
  list(path: string): Promise<string[]>;
  info(path: string): Promise<FileInfo>;
  /** `undefined` if there is nothing. */
  infoSync(path: string): FileInfo | undefined;
  /** Removes a file, or a link. */
  unlink(path: string): Promise<void>;
  /** Removes a file, or a folder with everything in it. It need not exist. */
  remove(path: string): Promise<void>;
  removeSync(path: string): void;
}

/** The file system of this machine. */
export const systemFiles: Files = {
  openToRead: async (path) => new SystemFile(await open(path, "r")),
  openToAppend: async (path, isEmptied) =>
    new SystemFile(await open(path, isEmptied ? "w+" : "a+")),
  openShared: (path) => new SystemSharedFile(openSync(path, "r+")),
  create: (path, content, mode) => writeFile(path, content, newFile(mode)),
  createSync: (path, content, mode) => writeFileSync(path, content, newFile(mode)),
  rename,
  renameSync,
  makeFolder: async (path) => void await mkdir(path, { recursive: true }),
  makeFolderSync: (path) => void mkdirSync(path, { recursive: true }),
  makePrivateFolder: mkdtemp,
  list: (path) => readdir(path),
  info: async (path) => infoOf(await lstat(path)),
  infoSync: (path) => {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    return stats && infoOf(stats);
  },
  unlink,
  remove: (path) => rm(path, { recursive: true, force: true }),
  removeSync: (path) => rmSync(path, { recursive: true, force: true }),
};

class SystemFile implements OpenFile {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async info(): Promise<FileInfo> {
    return infoOf(await this.#handle.stat());
  }

  async read(into: Uint8Array<ArrayBuffer>, at: number): Promise<number> {
    return (await this.#handle.read(into, 0, into.byteLength, at)).bytesRead;
  }

  append(bytes: Uint8Array): Promise<void> {
    return this.#handle.appendFile(bytes);
  }

  datasync(): Promise<void> {
    return this.#handle.datasync();
  }

  truncate(bytes: number): Promise<void> {
    return this.#handle.truncate(bytes);
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

class SystemSharedFile implements SharedFile {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  read(into: Float64Array<ArrayBuffer>): void {
    readSync(this.#fd, into, 0, into.byteLength, 0);
  }

  write(value: number, at: number): void {
    const bytes = new Uint8Array(Float64Array.of(value).buffer);
    writeSync(this.#fd, bytes, 0, bytes.byteLength, at);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

function newFile(mode = 0o666): { readonly flag: "wx"; readonly mode: number } {
  return { flag: "wx", mode };
}

function infoOf(stats: Stats): FileInfo {
  const { size: bytes, mtimeMs: modifiedAtMs, uid } = stats;
  return { kind: kindOf(stats), bytes, modifiedAtMs, uid };
}

function kindOf(stats: Stats): FileInfo["kind"] {
  if (stats.isFile()) return "file";
  if (stats.isDirectory()) return "folder";
  return stats.isSocket() ? "socket" : "other";
}
