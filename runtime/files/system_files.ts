/** The file system of this machine, by the modules of Node.js that Deno and Bun share. */

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
  unlinkSync,
  writeSync,
} from "node:fs";
import {
  link,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  stat,
  unlink,
} from "node:fs/promises";
import process from "node:process";
import { syncedClosing } from "./file_closing.ts";
import type { TargetInfo } from "./file_info.ts";
import type { Files, OpenFolder, SharedFile } from "./files.ts";
import { entriesOf, linkTextOf, realPathOf } from "./folder.ts";
import { isOnLocalDisk } from "./local_disks.ts";
import { nativePath } from "./native_path.ts";
import { O_CLOEXEC } from "../native/c_declarations.ts";
import { infoOf, kindOf, SystemFile } from "./system_file.ts";
import { flagsOf, writtenFiles } from "./written_files.ts";

const NS_PER_S = 1_000_000_000n;

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_DIRECTORY } = constants;

/** Linux: it is only a place in the file system. So a folder needs no permission to be listed. */
const O_PATH = 0o10000000;

/** How a folder is opened on Linux: not through a link. */
export const FOLDER_FLAGS = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

/** `node:fs` of Deno knows only whole seconds of ctime. */
const HAS_EXACT_TIMES = process.versions["deno"] === undefined;

/** Not by `node:util`, which takes Bun a millisecond to load. */
function openFolderDescriptor(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const onOpen = (error: Error | null, fd: number) => error ? reject(error) : resolve(fd);
    openDescriptor(nativePath(path), FOLDER_FLAGS, onOpen);
  });
}

/**
 * The file system of this machine, with what the modules can do that Deno and Bun share. They cannot say that closing a
 * file failed, so files are synced before that.
 */
export const systemFiles: Files = {
  ...writtenFiles({ closing: () => syncedClosing }),
  onDiskOf: async (folder) =>
    await isOnLocalDisk(folder) ? { ...systemFiles, ...writtenFiles({}) } : systemFiles,
  openToRead: async (path, links) => {
    const flags = O_RDONLY | O_NONBLOCK | flagsOf(links);
    return await onlyFile(new SystemFile(await open(nativePath(path), flags)));
  },
  ...process.platform === "linux" && {
    openFolder: async (path: string) => systemFolder(await openFolderDescriptor(path)),
    openFolderSync: (path: string) => systemFolder(openSync(nativePath(path), FOLDER_FLAGS)),
  },
  openShared: (path) => new SystemSharedFile(openSync(nativePath(path), "r+")),
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
  readLink: linkTextOf,
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
  removeEmptyFolder: async (path) => await rmdir(nativePath(path)),
  remove: async (path) => await rm(nativePath(path), { recursive: true, force: true }),
  removeSync: (path) => rmSync(nativePath(path), { recursive: true, force: true }),
};

class SystemSharedFile implements SharedFile {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  read(into: Float64Array<ArrayBuffer> | Uint8Array<ArrayBuffer>, at = 0): void {
    readSync(this.#fd, into, 0, into.byteLength, at);
  }

  write(value: number, at: number): void {
    const bytes = new Uint8Array(Float64Array.of(value).buffer);
    writeSync(this.#fd, bytes, 0, bytes.byteLength, at);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** A pipe or a device may have no end. */
async function onlyFile(file: SystemFile): Promise<SystemFile> {
  const { kind } = await file.info();
  if (kind === "file") return file;
  await file.close();
  throw new Error("it is not a file");
}

function systemFolder(fd: number): OpenFolder {
  return { path: `/proc/self/fd/${fd}`, descriptor: fd, close: () => closeSync(fd) };
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
