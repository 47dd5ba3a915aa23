/**
 * Tells whether files were in an output folder before any run was. An output replaces what has its name: to look for that
 * at each output would cost a system call per job.
 */

import type { Files } from "../../runtime/files/files.ts";
import { join } from "../../runtime/files/path.ts";
import { journalIn } from "./journal/journal.ts";
import { isInStateFolder, JOURNAL_BEFORE, STATE_FOLDER } from "./state_folder.ts";

/** Whether there is anything in the folder, while none of its journals says that a run has begun there. */
export async function hasOtherFiles(
  files: Pick<Files, "info" | "entries">,
  folder: string,
): Promise<boolean> {
  for (const journal of [journalIn(folder), join(folder, STATE_FOLDER, JOURNAL_BEFORE)]) {
    const info = await files.info(journal).catch(() => undefined); // there is none
    if (info && info.bytes > 0) return false;
  }
  try {
    for await (const entries of files.entries(folder)) {
      if (entries.some(({ name }) => !isInStateFolder(name))) return true;
    }
  } catch {
    return false; // there is no folder yet, or nobody can see what is in it
  }
  return false;
}
