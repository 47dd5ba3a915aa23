/** The file system on Bun, with small files by direct calls. */

import process from "node:process";
import { appendParts } from "../files/append_parts.ts";
import { openCFunctions, openDirectLibrary } from "./ffi.ts";
import { POSIX_FADV_DONTNEED, POSIX_FADVISE } from "../native/c_declarations.ts";
import { openDirectFiles } from "../files/direct_files.ts";
import type { Files, OpenFile } from "../files/files.ts";
import { SystemFile, systemFiles } from "../files/system_files.ts";

const openDirect = openDirectFiles(openDirectLibrary);

interface CacheLibrary {
  posix_fadvise(fd: number, at: number, bytes: number, advice: number): number;
}

let cache: CacheLibrary | undefined;

/** Opened at the first large file that is appended to. */
function cacheLibrary(): CacheLibrary {
  return cache ??= openCFunctions<CacheLibrary>({ posix_fadvise: POSIX_FADVISE });
}

/** The file system of this machine. */
export const bunFiles: Files = {
  ...systemFiles,
  entries: (path) => (openDirect() ?? systemFiles).entries(path),
  get direct() {
    return openDirect();
  },
  openToAppend: async (...what) => appendable(await systemFiles.openToAppend(...what)),
};

/** The same file, with parts in one call, and out of the system's memory where that is asked for. */
function appendable(file: OpenFile): OpenFile {
  if (!(file instanceof SystemFile)) return file;
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
