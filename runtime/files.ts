/**
 * The file system. Code that writes what has to survive a crash takes it as a parameter, so that a test can see
 * every operation and their order, and a simulation can tear files and fill disks.
 */

import {
  type BigIntStats,
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  open as openDescriptor,
  openSync,
  readSync,
  renameSync,
  rmSync,
  type Stats,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import {
  type FileHandle,
  link,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  unlink,
  writeFile,
} from "node:fs/promises";
import process from "node:process";
import { promisify } from "node:util";
import type { DirectFiles } from "./direct_files.ts";
import type { FileAccess, FileInfo, TargetInfo } from "./file_info.ts";
import { entriesOf, type Entry, realPathOf } from "./folder.ts";
import { nativePath } from "./native_path.ts";

export type { FileAccess, FileInfo, TargetInfo } from "./file_info.ts";

const NS_PER_S = 1_000_000_000n;

/** The bits of a mode that are permissions. */
const PERMISSIONS = 0o7777;

const { O_RDONLY, O_RDWR, O_CREAT, O_TRUNC, O_APPEND, O_NOFOLLOW, O_NONBLOCK, O_DIRECTORY } =
  constants;

/** Linux: processes that this one starts do not get it. */
const O_CLOEXEC = 0o2000000;
/** Linux: it is only a place in the file system. So a folder needs no permission to be listed. */
const O_PATH = 0o10000000;

/** How a folder is opened on Linux: not through a link. */
export const FOLDER_FLAGS = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

/** `node:fs` of Deno knows only whole seconds of ctime. */
const HAS_EXACT_TIMES = process.versions["deno"] === undefined;

/** An open file. */
export interface OpenFile {
  info(): Promise<FileInfo>;
  /** Reads some bytes from `at` on. Resolves to their number, 0 at the end of the file. */
  read(into: Uint8Array<ArrayBuffer>, at: number): Promise<number>;
  /** Adds bytes at the end of the file. A full disk may take only some of them. */
  append(bytes: Uint8Array): Promise<void>;
  /** The same for several parts, in as few calls as possible. Only where that costs less. */
  appendAll?(parts: readonly Uint8Array[]): Promise<void>;
  /** The same as `append`, at once. Only where it usually takes microseconds, and while no other `append` is under way. */
  appendSync?(bytes: Uint8Array): void;
  /** Resolves when everything that was appended survives a power failure. */
  datasync(): Promise<void>;
  /** Cuts the file to this size. */
  truncate(bytes: number): Promise<void>;
  /** Who may use it. Only where files have permissions. */
  access?(): Promise<FileAccess>;
  /** Gives it these permissions, and this owner as far as this user may do that. */
  setAccess?(access: FileAccess): Promise<void>;
  close(): Promise<void>;
}

/** A folder that is kept open: a name for it that leads to it, whatever becomes of its path. */
export interface OpenFolder {
  /** In this process. `PATH/NAME` is the file `NAME` in the folder. */
  readonly path: string;
  /** Its number in this process, for `DirectFiles`. */
  readonly descriptor: number;
  close(): void;
}

/** Whether a link at the end of a path is followed, or opening it fails with ELOOP. */
export type LinkRule = "followed" | "refused";

/** A file that another process changes while this one reads it. */
export interface SharedFile {
  read(into: Float64Array<ArrayBuffer>): void;
  /** Overwrites a number at `at`, in bytes. */
  write(value: number, at: number): void;
  close(): void;
}

/**
 * The operations. They fail with the errors of `node:fs`, which have a `code`. Names that are not UTF-8 are written
 * as `file_name.ts` says.
 */
export interface Files {
  /** Opens a file to read it. */
  openToRead(path: string, links?: LinkRule): Promise<OpenFile>;
  /**
   * Opens a file to read it and to append to it. Creates it if there is none, with `mode`. `isEmptied`: its content
   * is lost.
   */
  openToAppend(
    path: string,
    isEmptied: boolean,
    mode?: number,
    links?: LinkRule,
  ): Promise<OpenFile>;
  /** Opens a folder, and fails with ENOTDIR if it is a link. Only where the system can do that. */
  openFolder?(path: string): Promise<OpenFolder>;
  openFolderSync?(path: string): OpenFolder;
  openShared(path: string): SharedFile;
  /** Writes a file that does not exist yet. */
  create(path: string, content: Uint8Array | string, mode?: number): Promise<void>;
  createSync(path: string, content: Uint8Array, mode?: number): void;
  /** Renames a file. It replaces what has the new name. */
  rename(path: string, newPath: string): Promise<void>;
  renameSync(path: string, newPath: string): void;
  /** Gives a file another name, which must be new. */
  link(path: string, newPath: string): Promise<void>;
  /** Makes a folder, and those above it. It may exist. */
  makeFolder(path: string): Promise<void>;
  makeFolderSync(path: string, mode?: number): void;
  /** Makes a new folder that only this user may enter. Resolves to its path, which begins with `prefix`. */
  makePrivateFolder(prefix: string): Promise<string>;
  /** The names in a folder. */
  list(path: string): Promise<string[]>;
  /**
   * The names in a folder, and what they are, in any order. Links are not followed. Some at a time, where the system
   * can do that: a folder may have millions.
   */
  entries(path: string): AsyncIterable<readonly Entry[]>;
  /** The path with all links followed. */
  realPath(path: string): Promise<string>;
  info(path: string): Promise<FileInfo>;
  /** What is at a path. Links are followed. */
  target(path: string): Promise<TargetInfo>;
  /** The whole content of a file. */
  content(path: string): Promise<Uint8Array<ArrayBuffer>>;
  /** `undefined` if there is nothing. */
  infoSync(path: string): FileInfo | undefined;
  /** Removes a file, or a link. */
  unlink(path: string): Promise<void>;
  unlinkSync(path: string): void;
  /** Removes a file, or a folder with everything in it. It need not exist. */
  remove(path: string): Promise<void>;
  removeSync(path: string): void;
  /** Operations on small files that block. Only where the system can do that. */
  readonly direct?: DirectFiles | undefined;
}

/** The file system of this machine, with what the modules can do that Deno and Bun share. */
export const systemFiles: Files = {
  openToRead: async (path, links) =>
    new SystemFile(await open(nativePath(path), O_RDONLY | flagsOf(links))),
  openToAppend: async (path, isEmptied, mode, links) => {
    const flags = O_RDWR | O_CREAT | (isEmptied ? O_TRUNC : O_APPEND) | flagsOf(links);
    return new SystemFile(await open(nativePath(path), flags, mode));
  },
  ...process.platform === "linux" && {
    openFolder: async (path: string) =>
      systemFolder(await promisify(openDescriptor)(nativePath(path), FOLDER_FLAGS)),
    openFolderSync: (path: string) => systemFolder(openSync(nativePath(path), FOLDER_FLAGS)),
  },
  openShared: (path) => new SystemSharedFile(openSync(nativePath(path), "r+")),
  create: (path, content, mode) => writeFile(nativePath(path), content, newFile(mode)),
  createSync: (path, content, mode) => writeFileSync(nativePath(path), content, newFile(mode)),
  rename: (path, newPath) => rename(nativePath(path), nativePath(newPath)),
  link: (path, newPath) => link(nativePath(path), nativePath(newPath)),
  renameSync: (path, newPath) => renameSync(nativePath(path), nativePath(newPath)),
  makeFolder: async (path) => void await mkdir(nativePath(path), { recursive: true }),
  makeFolderSync: (path, mode = 0o777) =>
    void mkdirSync(nativePath(path), { recursive: true, mode }),
  makePrivateFolder: mkdtemp,
  list: async (path) => await readdir(nativePath(path)),
  entries: entriesOf,
  realPath: realPathOf,
  info: async (path) => infoOf(await lstat(nativePath(path))),
  infoSync: (path) => {
    const stats = lstatSync(nativePath(path), { throwIfNoEntry: false });
    return stats && infoOf(stats);
  },
  target: async (path) => targetOf(await stat(nativePath(path), { bigint: true })),
  content: async (path) => {
    const content = await readFile(nativePath(path));
    return new Uint8Array(content.buffer as ArrayBuffer, content.byteOffset, content.byteLength);
  },
  unlink: async (path) => await unlink(nativePath(path)),
  unlinkSync: (path) => unlinkSync(nativePath(path)),
  remove: async (path) => await rm(nativePath(path), { recursive: true, force: true }),
  removeSync: (path) => rmSync(nativePath(path), { recursive: true, force: true }),
};

/** An open file of `node:fs`. */
export class SystemFile implements OpenFile {
  constructor(readonly handle: FileHandle) {}

  async info(): Promise<FileInfo> {
    return infoOf(await this.handle.stat());
  }

  async read(into: Uint8Array<ArrayBuffer>, at: number): Promise<number> {
    return (await this.handle.read(into, 0, into.byteLength, at)).bytesRead;
  }

  append(bytes: Uint8Array): Promise<void> {
    return this.handle.appendFile(bytes);
  }

  appendSync(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.byteLength;) at += writeSync(this.handle.fd, bytes, at);
  }

  datasync(): Promise<void> {
    return this.handle.datasync();
  }

  truncate(bytes: number): Promise<void> {
    return this.handle.truncate(bytes);
  }

  async access(): Promise<FileAccess> {
    const { mode, uid, gid } = await this.handle.stat();
    return { mode: mode & PERMISSIONS, uid, gid };
  }

  async setAccess({ mode, uid, gid }: FileAccess): Promise<void> {
    const own = await this.access();
    if (own.uid !== uid || own.gid !== gid) {
      await this.handle.chown(uid, gid).catch(() => {}); // only root may give a file away
    }
    await this.handle.chmod(mode); // behind it, as that may change permissions
  }

  close(): Promise<void> {
    return this.handle.close();
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

/** Nobody waits for the other end of a pipe that lies where a file should be. Files do not know `O_NONBLOCK`. */
function flagsOf(links: LinkRule = "followed"): number {
  return links === "refused" ? O_NOFOLLOW | O_NONBLOCK : 0;
}

function systemFolder(fd: number): OpenFolder {
  return { path: `/proc/self/fd/${fd}`, descriptor: fd, close: () => closeSync(fd) };
}

function newFile(mode = 0o666): { readonly flag: "wx"; readonly mode: number } {
  return { flag: "wx", mode };
}

function infoOf(stats: Stats): FileInfo {
  const { size: bytes, mtimeMs: modifiedAtMs, uid } = stats;
  return { kind: kindOf(stats), bytes, modifiedAtMs, uid };
}

/** Nanoseconds are whole milliseconds where a runtime does not know more, and ctime whole seconds. */
function targetOf(stats: BigIntStats): TargetInfo {
  const { size, mtimeMs, ctimeNs } = stats;
  const seconds = String(ctimeNs / NS_PER_S);
  const rest = ctimeNs % NS_PER_S;
  return {
    kind: kindOf(stats),
    bytes: Number(size),
    modifiedAtMs: Number(mtimeMs),
    changedAt: HAS_EXACT_TIMES ? `${seconds}.${String(rest).padStart(9, "0")}` : seconds,
  };
}

function kindOf(stats: Stats | BigIntStats): FileInfo["kind"] {
  if (stats.isFile()) return "file";
  if (stats.isDirectory()) return "folder";
  if (stats.isSymbolicLink()) return "link";
  return stats.isSocket() ? "socket" : "other";
}
