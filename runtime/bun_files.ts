/** The file system on Bun, with small files by direct calls. */

import { appendParts } from "./append_parts.ts";
import { openDirectLibrary } from "./bun_ffi.ts";
import { openDirectFiles } from "./direct_files.ts";
import type { Files, OpenFile } from "./files.ts";
import { SystemFile, systemFiles } from "./system_files.ts";

const openDirect = openDirectFiles(openDirectLibrary);

/** The file system of this machine. */
export const bunFiles: Files = {
  ...systemFiles,
  entries: (path) => (openDirect() ?? systemFiles).entries(path),
  get direct() {
    return openDirect();
  },
  openToAppend: async (...what) => gathering(await systemFiles.openToAppend(...what)),
};

/** The same file, with parts in one call. */
function gathering(file: OpenFile): OpenFile {
  if (!(file instanceof SystemFile)) return file;
  const gather = (parts: readonly Uint8Array[]) =>
    file.handle.writev(parts).then(({ bytesWritten }) => bytesWritten, () => -1); // `append` says why
  const append = (part: Uint8Array) => file.append(part);
  return Object.assign(file, {
    appendAll: (parts: readonly Uint8Array[]) => appendParts(parts, { gather, append }),
  });
}
