/** Finds the journal that belongs to what the user has named: an output folder, a pack, or the folder of its journal. */

import { JOURNAL, packStateOf, STATE_FOLDER } from "../controller/output/state_folder.ts";
import { holderIn, isStale, readText } from "../controller/output/lock_file.ts";
import { FilesBelow } from "../runtime/files/files_below.ts";
import { codeOf } from "../runtime/error_text.ts";
import type { Files } from "../runtime/files/files.ts";
import { join } from "../runtime/files/path.ts";

const LOCK = "lock";

/** The journal of some outputs. Links below their folder are not followed. */
export interface RecordedOutputs {
  readonly files: FilesBelow;
  readonly journal: string;
  readonly lock: string;
}

/**
 * Finds the journal; `undefined` if there is none. Rejects if it cannot be seen whether there is one. The caller closes
 * `files`.
 */
export async function findOutputs(
  files: Files,
  named: string,
): Promise<RecordedOutputs | undefined> {
  const folders = [
    { root: named, state: join(named, STATE_FOLDER) }, // an output folder
    { root: packStateOf(named), state: packStateOf(named) }, // a pack
    { root: named, state: named }, // the folder of a journal itself
  ];
  for (const { root, state } of folders) {
    const below = await FilesBelow.open(files, root).catch(ifMissing);
    if (!below) continue;
    const journal = join(state, JOURNAL);
    try {
      await below.info(journal);
      return { files: below, journal, lock: join(state, LOCK) };
    } catch (error) {
      below.close();
      ifMissing(error);
    }
  }
  return undefined;
}

/** Throws the error if it says something else than that there is nothing. */
function ifMissing(error: unknown): undefined {
  if (codeOf(error) !== "ENOENT" && codeOf(error) !== "ENOTDIR") throw error;
}

/** Whether a run still writes to the outputs at `nowMs` of the wall clock, as far as this machine can tell. */
export async function isRunning(
  { files, lock }: RecordedOutputs,
  nowMs: number,
): Promise<boolean> {
  const text = await readText(files, lock).catch(() => undefined); // another user's
  if (text === undefined || !holderIn(text)) return false;
  return !await isStale(files, lock, text, nowMs);
}
