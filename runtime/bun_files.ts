/** The file system on Bun, with small files by direct calls. */

import { openDirectLibrary } from "./bun_ffi.ts";
import { openDirectFiles } from "./direct_files.ts";
import { type Files, systemFiles } from "./files.ts";

const openDirect = openDirectFiles(openDirectLibrary);

/** The file system of this machine. */
export const bunFiles: Files = {
  ...systemFiles,
  entries: (path) => (openDirect() ?? systemFiles).entries(path),
  get direct() {
    return openDirect();
  },
};
