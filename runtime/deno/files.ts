/**
 * The file system on Deno. `node:fs` of Deno knows neither the exact time of the last change of a file nor names that
 * are not UTF-8, so the C library is called for those. Where it cannot be opened, the times are coarser, and such
 * names are refused.
 */

import { Buffer } from "node:buffer";
import { constants } from "node:fs";
import { dirname } from "../files/path.ts";
import { bytesOfName, isUtf8Name, nameOfBytes, REPLACEMENT } from "../files/file_name.ts";
import type { Files, LinkRule, OpenFolder, TargetInfo } from "../files/files.ts";
import { openFileClosing } from "../files/file_closing.ts";
import { isOnLocalDisk } from "../files/local_disks.ts";
import type { SystemFile } from "../files/system_file.ts";
import { FOLDER_FLAGS, systemFiles } from "../files/system_files.ts";
import { type WritingOptions, writtenFiles } from "../files/written_files.ts";
import { type Entry, ExactNames } from "../files/folder.ts";
import { nativePath } from "../files/native_path.ts";
import { O_CLOEXEC } from "../native/c_declarations.ts";
import { cError } from "../files/c_error.ts";
import { appendingInThread } from "./append.ts";
import { openClosingLibrary, openDirectLibrary, openFileLibrary } from "./ffi.ts";
import { openDirectFiles } from "../files/direct_files.ts";
import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  infoOf,
  STATX_BASIC_STATS,
  STATX_BYTES,
  targetOf,
} from "../files/statx.ts";

/** A pipe in the place of a file is not waited for. */
const FLAGS = O_CLOEXEC | constants.O_NONBLOCK;
const { O_NOFOLLOW } = constants;
const NEW_FOLDER_MODE = 0o777;
const PATH_MAX = 4096;
/** Entries of a folder at a time. */
const ENTRIES_MAX = 1_024;

type Library = NonNullable<ReturnType<typeof openFileLibrary>>;

let opened: Library | undefined | null = null;

/** The C library; `undefined` if this process may not call it, or if the system is not Linux. */
function library(): Library | undefined {
  if (opened === null) opened = openFileLibrary();
  return opened;
}

const openDirect = openDirectFiles(openDirectLibrary);

const closing = openFileClosing(openClosingLibrary);

const appending = (file: SystemFile) => appendingInThread(file, library()?.threadWrites);

/** The file system of this machine. */
export const denoFiles: Files = filesWith({ closing, appending });

/** The same where closing a file cannot fail. */
const localFiles: Files = filesWith({ appending });

function filesWith(options: WritingOptions): Files {
  return {
    ...systemFiles,
    ...writtenFiles(options),
    onDiskOf: async (folder) => await isOnLocalDisk(folder) ? localFiles : denoFiles,
    get direct() {
      return openDirect();
    },
    entries: (path) => openDirect()?.entries(path) ?? entriesByDeno(path),
    realPath: async (path) => {
      const libc = library();
      if (!libc) return await systemFiles.realPath(path);
      const found = isUtf8Name(path) ? await systemFiles.realPath(path) : REPLACEMENT;
      return found.includes(REPLACEMENT) ? exactRealPath(libc, path) : found;
    },
    target,
    info: async (path) => {
      const libc = isUtf8Name(path) ? undefined : library();
      return libc ? infoOf(statx(libc, path, AT_SYMLINK_NOFOLLOW)) : await systemFiles.info(path);
    },
    content: (path) => withUtf8Path(path, systemFiles.content),
    openToRead: (path, links) =>
      isUtf8Name(path)
        ? systemFiles.openToRead(path, links)
        : withUtf8Path(path, systemFiles.openToRead, links),
    ...systemFiles.openFolder && {
      openFolder: async (path: string) => openedFolder(path) ?? await systemFiles.openFolder!(path),
      openFolderSync: (path: string) => openedFolder(path) ?? systemFiles.openFolderSync!(path),
    },
    rename: async (path, newPath) => {
      if (!wasRenamed(path, newPath)) await systemFiles.rename(path, newPath);
    },
    renameSync: (path, newPath) => {
      if (!wasRenamed(path, newPath)) systemFiles.renameSync(path, newPath);
    },
    makeFolder: async (path) => {
      if (!wasMade(path)) await systemFiles.makeFolder(path);
    },
    makeFolderSync: (path, mode) => {
      if (!wasMade(path, mode)) systemFiles.makeFolderSync(path, mode);
    },
    unlink: async (path) => {
      const libc = isUtf8Name(path) ? undefined : library();
      if (!libc) return await systemFiles.unlink(path);
      check(libc, libc.unlink(cString(path)), path);
    },
  };
}

/** Without access to the C library, names that are not UTF-8 are damaged. */
async function* entriesByDeno(path: string): AsyncIterable<readonly Entry[]> {
  const exact = new ExactNames(path);
  let entries: Entry[] = [];
  for await (const entry of Deno.readDir(nativePath(path) as string)) {
    const { name, isFile, isDirectory, isSymlink } = entry;
    entries.push({
      name,
      kind: isFile ? "file" : isDirectory ? "folder" : isSymlink ? "link" : "other",
    });
    if (entries.length < ENTRIES_MAX) continue;
    yield await exact.corrected(entries);
    entries = [];
  }
  yield await exact.corrected(entries);
}

/** Like `stat`, beside other work: a file server may be slow. It is no slower than `stat` of `node:fs`. */
async function target(path: string): Promise<TargetInfo> {
  const libc = library();
  if (!libc) return await systemFiles.target(path);
  const stats = Buffer.alloc(STATX_BYTES);
  const name = cString(path); // the call needs it until it has returned
  const result = await libc.statxInThread(AT_FDCWD, name, 0, STATX_BASIC_STATS, stats);
  if (result === 0) return targetOf(stats);
  // Its error number is gone with its thread. Ask again, for the reason.
  return isUtf8Name(path) ? await systemFiles.target(path) : targetOf(statx(libc, path, 0));
}

function statx(libc: Library, path: string, flags: number): Buffer {
  const stats = Buffer.alloc(STATX_BYTES);
  check(libc, libc.statx(AT_FDCWD, cString(path), flags, STATX_BASIC_STATS, stats), path);
  return stats;
}

function exactRealPath(libc: Library, path: string): string {
  const found = Buffer.alloc(PATH_MAX);
  if (!libc.realpath(cString(path), found)) throw systemError(libc, path);
  return nameOfBytes(found.subarray(0, found.indexOf(0)));
}

/** Opens a file, and uses it under a path that `node:fs` can open. */
async function withUtf8Path<T>(
  path: string,
  use: (path: string) => Promise<T>,
  links: LinkRule = "followed",
): Promise<T> {
  const libc = isUtf8Name(path) ? undefined : library();
  if (!libc) return await use(path);
  const flags = links === "refused" ? FLAGS | O_NOFOLLOW : FLAGS;
  const fd = libc.open(cString(path), flags);
  check(libc, fd, path);
  try {
    return await use(`/proc/self/fd/${fd}`);
  } finally {
    libc.close(fd);
  }
}

/** Opens a folder, unless `node:fs` can do that. */
function openedFolder(path: string): OpenFolder | undefined {
  const libc = isUtf8Name(path) ? undefined : library();
  if (!libc) return undefined;
  const fd = libc.open(cString(path), FOLDER_FLAGS);
  check(libc, fd, path);
  return { path: `/proc/self/fd/${fd}`, descriptor: fd, close: () => void libc.close(fd) };
}

/** Renames a file, unless `node:fs` can do that. */
function wasRenamed(path: string, newPath: string): boolean {
  const libc = isUtf8Name(path) && isUtf8Name(newPath) ? undefined : library();
  if (!libc) return false;
  check(libc, libc.rename(cString(path), cString(newPath)), newPath);
  return true;
}

/** Makes a folder, and those above it, unless `node:fs` can do that. */
function wasMade(path: string, mode = NEW_FOLDER_MODE): boolean {
  const libc = isUtf8Name(path) ? undefined : library();
  if (!libc) return false;
  if (libc.mkdir(cString(path), mode) === 0) return true;
  const error = systemError(libc, path);
  if (error.code === "ENOENT" && dirname(path) !== path) {
    denoFiles.makeFolderSync(dirname(path), mode);
    check(libc, libc.mkdir(cString(path), mode), path);
    return true;
  }
  if (error.code === "EEXIST" && targetOf(statx(libc, path, 0)).kind === "folder") return true;
  throw error;
}

function cString(path: string): Buffer<ArrayBuffer> {
  if (isUtf8Name(path)) return Buffer.from(`${path}\0`);
  return Buffer.concat([bytesOfName(path), Buffer.of(0)]);
}

function check(libc: Library, result: number, path: string): void {
  if (result < 0) throw systemError(libc, path);
}

/** The error of the last call, as `node:fs` would throw it. */
function systemError(libc: Library, path: string): Error & { readonly code: string } {
  return cError(libc.errno(), path);
}
