/** The file system on Bun, with small files by direct calls. */

import process from "node:process";
import { appendParts } from "../files/append_parts.ts";
import { openCFunctions, openClosingLibrary, openDirectLibrary } from "./ffi.ts";
import { POSIX_FADV_DONTNEED, POSIX_FADVISE } from "../native/c_declarations.ts";
import { openDirectFiles } from "../files/direct_files.ts";
import type { Files, OpenFile } from "../files/files.ts";
import { openFileClosing } from "../files/file_closing.ts";
import { isOnLocalDisk } from "../files/local_disks.ts";
import type { SystemFile } from "../files/system_file.ts";
import { systemFiles } from "../files/system_files.ts";
import { type WritingOptions, writtenFiles } from "../files/written_files.ts";

const openDirect = openDirectFiles(openDirectLibrary);

interface CacheLibrary {
  posix_fadvise(fd: number, at: number, bytes: number, advice: number): number;
}

let cache: CacheLibrary | undefined;

/** Opened at the first large file that is appended to. */
function cacheLibrary(): CacheLibrary {
  return cache ??= openCFunctions<CacheLibrary>({ posix_fadvise: POSIX_FADVISE });
}

const closing = openFileClosing(openClosingLibrary);

/** The file system of this machine. */
export const bunFiles: Files = filesWith({ closing, appending });

/** The same where closing a file cannot fail. */
const localFiles: Files = filesWith({ appending });

function filesWith(options: WritingOptions): Files {
  return {
    ...systemFiles,
    ...writtenFiles(options),
    onDiskOf: async (folder) => await isOnLocalDisk(folder) ? localFiles : bunFiles,
    entries: (path) => (openDirect() ?? systemFiles).entries(path),
    get direct() {
      return openDirect();
    },
  };
}

/** The same file, with parts in one call, and out of the system's memory where that is asked for. */
function appending(file: SystemFile): OpenFile {
  const gather = (parts: readonly Uint8Array[]) =>
    file.handle.writev(parts).then(({ bytesWritten }) => bytesWritten, () => -1); // `append` says why
  const append = (part: Uint8Array) => file.append(part);
  return Object.assign(file, {
    appendAll: (parts: readonly Uint8Array[]) => appendParts(parts, { gather, append }),
    ...process.platform === "linux" && {
      uncache: async (at: number, bytes: number) => {
        await Promise.resolve(); // a failure is one of the promise
        cacheLibrary().posix_fadvise(file.handle.fd, at, bytes, POSIX_FADV_DONTNEED);
      },
    },
  });
}
