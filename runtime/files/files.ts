/**
 * The file system, as a port. Code that writes what has to survive a crash takes it as a parameter, so that a test can
 * see every operation and their order, and a simulation can tear files and fill disks.
 */

import type { DirectFiles } from "./direct_files.ts";
import type { FileAccess, FileInfo, TargetInfo } from "./file_info.ts";
import type { Entry } from "./folder.ts";

export type { FileAccess, FileInfo, TargetInfo } from "./file_info.ts";

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
  /** Takes what is on the disk of a part out of the system's memory. Only where the system can do that. */
  uncache?(at: number, bytes: number): Promise<void>;
  /** Cuts the file to this size. */
  truncate(bytes: number): Promise<void>;
  /** Who may use it. Only where files have permissions. */
  access?(): Promise<FileAccess>;
  /** Gives it these permissions, and this owner as far as this user may do that. */
  setAccess?(access: FileAccess): Promise<void>;
  /** Rejects if what was appended is not stored. */
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
  /** Fills `into` with what the file has from `at` on: from its beginning, unless given. */
  read(into: Float64Array<ArrayBuffer> | Uint8Array<ArrayBuffer>, at?: number): void;
  /** Overwrites a number at `at`, in bytes. */
  write(value: number, at: number): void;
  close(): void;
}

/**
 * The operations. They fail with the errors of `node:fs`, which have a `code`. Names that are not UTF-8 are written
 * as `file_name.ts` says.
 */
export interface Files {
  /** The same operations for a folder that exists: those that write may cost less on its disk. */
  onDiskOf?(folder: string): Promise<Files>;
  /** Opens a file to read it. Fails at a pipe or a device, and does not wait for one. */
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
  /**
   * Writes a file that does not exist yet. It fails also if a file server says only when the file is closed that it has
   * not stored it.
   */
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
  /** What a link says: a path, which need not exist. Fails if there is no link. */
  readLink(path: string): Promise<string>;
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
  /** Removes a folder, which must be empty. */
  removeEmptyFolder(path: string): Promise<void>;
  /** Removes a file, or a folder with everything in it. It need not exist. */
  remove(path: string): Promise<void>;
  removeSync(path: string): void;
  /** Operations on small files that block. Only where the system can do that. */
  readonly direct?: DirectFiles | undefined;
}
