/** Removes a folder with everything in it, even while somebody adds to it, or if a core has protected something. */

import { chmodSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Files } from "../runtime/files/files.ts";

/** Removal is repeated: a process that is about to end may create a file in the meantime. */
const REMOVALS_MAX = 10;

/** Removes the folder. Resolves to the error if it cannot. */
export async function removeFolder(files: Files, path: string): Promise<unknown> {
  let error: unknown;
  for (let attempt = 1; attempt <= REMOVALS_MAX; attempt++) {
    try {
      if (!files.infoSync(path)) return undefined; // which fails, too, on a file server that is gone
      await files.remove(path);
      error = undefined;
    } catch (cause) {
      error = cause;
      makeWritable(path);
    }
  }
  return error;
}

/** Like `removeFolder`, but synchronous: for a process that is about to exit. */
export function removeFolderSync(files: Files, path: string): void {
  for (let attempt = 1; attempt <= REMOVALS_MAX; attempt++) {
    try {
      if (!files.infoSync(path)) return;
      files.removeSync(path);
    } catch {
      makeWritable(path); // the process exits: nobody is left who could be told
    }
  }
}

/** Files cannot be removed from a folder that nobody may write to, such as those of Go's module cache. */
function makeWritable(folder: string): void {
  try {
    chmodSync(folder, 0o700);
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isDirectory()) makeWritable(join(folder, entry.name));
    }
  } catch {
    // It is gone, or belongs to somebody else.
  }
}
