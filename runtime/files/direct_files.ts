/**
 * Small files by direct calls of the C library, on Linux. A call takes half to a tenth of the time of `node:fs`, and
 * none of it is spent on waking another thread. But each call blocks this process: these are for disks that answer
 * within microseconds, and whoever calls them measures that.
 */

import { Buffer } from "node:buffer";
import { constants } from "node:fs";
import process from "node:process";
import { O_CLOEXEC } from "../native/c_declarations.ts";
import { cError } from "./c_error.ts";
import { CStringBuffer } from "./c_string.ts";
import type { DirectLibrary } from "./direct_functions.ts";
import { entriesIn, identified, NAMES_BYTES } from "./directory_entries.ts";
import type { TargetInfo } from "./file_info.ts";
import type { Entry } from "./folder.ts";
import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  bytesIn,
  kindIn,
  STATX_BASIC_STATS,
  STATX_BYTES,
  targetOf,
} from "./statx.ts";

/** Lends memory for contents; `undefined`: one of this size gets new memory. */
export interface FileMemory {
  take(bytes: number): Uint8Array<ArrayBuffer> | undefined;
}

/** Operations that block. They fail with the errors of `node:fs`. A folder is the number of its descriptor. */
export interface DirectFiles {
  /** What is at a path. Links are followed. */
  target(path: string): TargetInfo;
  /** Whether there is a file at a path. Links are not followed. */
  isFile(path: string): boolean;
  /**
   * The content of a file of `bytes` bytes, in memory that is lent if there is any; `undefined` if its size has changed.
   */
  content(path: string, bytes: number, memory?: FileMemory): Uint8Array<ArrayBuffer> | undefined;
  /** Writes a file that does not exist yet. */
  create(folder: number, name: string, content: Uint8Array, mode?: number): void;
  /** Renames a file. It replaces what has the new name. */
  rename(folder: number, name: string, newFolder: number, newName: string): void;
  /** The size of a file; `undefined` if there is none, or something else. Links are not followed. */
  fileBytes(folder: number, name: string): number | undefined;
  /** The entries of a folder in the order of its file system, some thousands at a time. */
  entries(path: string): AsyncIterable<readonly Entry[]>;
}

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
const NEW_FILE_MODE = 0o666;
const EINTR = 4;
const ENOENT = 2;

/** Contents up to this size share a buffer: a buffer of its own costs more than reading such a file. */
const SHARING_BYTES_MAX = 4 * 1024;
const SHARED_BYTES = 64 * 1024;

/**
 * Opens the functions with `open` when they are needed first. `undefined` where this process may not call them, or the
 * system lacks one.
 */
export function openDirectFiles(open: () => DirectLibrary): () => DirectFiles | undefined {
  let opened: DirectFiles | undefined | null = process.platform === "linux" ? null : undefined;
  return () => {
    if (opened === null) opened = opens(open);
    return opened;
  };
}

function opens(open: () => DirectLibrary): DirectFiles | undefined {
  try {
    return new CFiles(open());
  } catch {
    return undefined; // those of `node:fs` do, at a higher price
  }
}

class CFiles implements DirectFiles {
  readonly #libc: DirectLibrary;
  readonly #path = new CStringBuffer();
  readonly #newPath = new CStringBuffer();
  readonly #stats = Buffer.alloc(STATX_BYTES);
  #shared = new Uint8Array(SHARED_BYTES);
  #sharedAt = 0;

  constructor(libc: DirectLibrary) {
    this.#libc = libc;
  }

  target(path: string): TargetInfo {
    this.#check(this.#statx(AT_FDCWD, path, 0), path);
    return targetOf(this.#stats);
  }

  isFile(path: string): boolean {
    return this.fileBytes(AT_FDCWD, path) !== undefined;
  }

  content(path: string, bytes: number, memory?: FileMemory): Uint8Array<ArrayBuffer> | undefined {
    // One byte more than expected: if the file has grown, it is read.
    const into = memory?.take(bytes + 1) ?? this.#room(bytes + 1);
    // If it has become a pipe, nobody waits for its other end.
    const fd = this.#open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0);
    const read = this.#libc.read(fd, into, bytes + 1);
    const error = read < 0 ? this.#error(path) : undefined;
    this.#libc.close(fd);
    if (error) throw error;
    return read === bytes ? this.#taken(into, bytes) : undefined;
  }

  create(folder: number, name: string, content: Uint8Array, mode = NEW_FILE_MODE): void {
    const fd = this.#open(folder, name, O_WRONLY | O_CREAT | O_EXCL, mode);
    let error = this.#writeAll(fd, content, name);
    // Some file servers say only here that the disk is full.
    if (this.#libc.close(fd) < 0) error ??= this.#error(name);
    if (error) throw error;
  }

  rename(folder: number, name: string, newFolder: number, newName: string): void {
    const path = this.#path.set(name);
    const newPath = this.#newPath.set(newName);
    this.#check(this.#libc.renameat(folder, path, newFolder, newPath), newName);
  }

  fileBytes(folder: number, name: string): number | undefined {
    if (this.#statx(folder, name, AT_SYMLINK_NOFOLLOW) < 0) return undefined;
    return kindIn(this.#stats) === "file" ? bytesIn(this.#stats) : undefined;
  }

  async *entries(path: string): AsyncIterable<readonly Entry[]> {
    const fd = this.#open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
    const names = Buffer.alloc(NAMES_BYTES);
    const kindOf = (name: string) =>
      this.#statx(fd, name, AT_SYMLINK_NOFOLLOW) < 0 ? undefined : kindIn(this.#stats);
    try {
      for (;;) {
        const bytes = this.#libc.getdents64(fd, names, names.byteLength);
        // A folder that has been removed in the meantime has no more entries.
        if (bytes < 0 && this.#libc.errno() !== ENOENT) throw this.#error(path);
        if (bytes <= 0) return;
        yield await identified(entriesIn(names.subarray(0, bytes)), kindOf);
      }
    } finally {
      this.#libc.close(fd);
    }
  }

  #statx(folder: number, path: string, flags: number): number {
    const name = this.#path.set(path);
    return this.#libc.statx(folder, name, flags, STATX_BASIC_STATS, this.#stats);
  }

  #open(folder: number, path: string, flags: number, mode: number): number {
    const name = this.#path.set(path);
    for (;;) {
      const fd = this.#libc.openat(folder, name, flags | O_CLOEXEC, mode);
      if (fd >= 0) return fd;
      if (this.#libc.errno() !== EINTR) throw this.#error(path);
    }
  }

  #writeAll(fd: number, content: Uint8Array, name: string): Error | undefined {
    for (let rest = content; rest.byteLength > 0;) {
      const written = this.#libc.write(fd, rest, rest.byteLength);
      if (written === rest.byteLength) return undefined;
      if (written > 0) rest = rest.subarray(written);
      else if (this.#libc.errno() !== EINTR) return this.#error(name);
    }
    return undefined;
  }

  /** Memory for a content, until the next call. */
  #room(bytes: number): Uint8Array<ArrayBuffer> {
    if (bytes > SHARING_BYTES_MAX) return new Uint8Array(bytes);
    if (this.#sharedAt + bytes > SHARED_BYTES) {
      this.#shared = new Uint8Array(SHARED_BYTES);
      this.#sharedAt = 0;
    }
    return this.#shared.subarray(this.#sharedAt, this.#sharedAt + bytes);
  }

  /** The first bytes of a room, which are not given to anybody else any more. */
  #taken(room: Uint8Array<ArrayBuffer>, bytes: number): Uint8Array<ArrayBuffer> {
    if (room.buffer === this.#shared.buffer) this.#sharedAt += bytes;
    return room.subarray(0, bytes);
  }

  #check(result: number, path: string): void {
    if (result < 0) throw this.#error(path);
  }

  #error(path: string): Error {
    return cError(this.#libc.errno(), path);
  }
}
