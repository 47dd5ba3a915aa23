/** Writes a small file that must be new: as a whole, or not at all. */

import { rm, writeFile } from "node:fs/promises";
import { codeOf } from "../runtime/error_text.ts";

/** Rejects with `EEXIST` if there is anything at `path`. What a full disk has kept of it is removed. */
export async function writeNewFile(path: string, text: string, mode = 0o666): Promise<void> {
  try {
    await writeFile(path, text, { flag: "wx", mode });
  } catch (error) {
    if (codeOf(error) === "ENOSPC" || codeOf(error) === "EDQUOT" || codeOf(error) === "EIO") {
      await rm(path, { force: true }).catch(() => {}); // the first error is the one to report
    }
    throw error;
  }
}
