/** Who may read and write a file that is written anew. */

import type { FolderFiles } from "../../../runtime/files/files_below.ts";

/** Who may use the one file may use the other one. */
export async function copyAccess(files: FolderFiles, from: string, to: string): Promise<void> {
  const original = await files.openToRead(from);
  try {
    const access = await original.access?.();
    const copy = await files.openToRead(to);
    try {
      if (access) await copy.setAccess?.(access);
    } finally {
      await copy.close();
    }
  } finally {
    await original.close();
  }
}
