/** distcomp's own folder: inside an output folder, or beside a pack. */

import { codeOf } from "../../runtime/error_text.ts";
import type { FolderFiles } from "../../runtime/files/files_below.ts";
import { join } from "../../runtime/files/path.ts";

export const STATE_FOLDER = ".distcomp";

/** What the journal is called there. */
export const JOURNAL = "jobs.jsonl";

/** The journal of before `--fresh`, until it is of no more use. */
export const JOURNAL_BEFORE = "jobs.jsonl.before";

const FOLDED = STATE_FOLDER.toUpperCase();
const DOT = 0x2e;
const ASCII_END = 0x80;

/** Characters that some file systems leave out of names: HFS+ finds `.dist\u200Ccomp` as `.distcomp`. */
const IGNORED = /[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g;

/**
 * Whether an output of this name would lie in distcomp's own folder, on any disk: some do not tell upper from lower case.
 * Asked for each output: most begin with another character.
 */
export function isInStateFolder(name: string): boolean {
  const first = name.charCodeAt(0);
  if (first !== DOT && first < ASCII_END) return false;
  const [top = ""] = name.split("/", 1);
  return top === STATE_FOLDER || foldedName(top.replace(IGNORED, "")) === FOLDED;
}

/** What two names have in common that are one on a disk which tells neither case nor composed letters apart. */
export function foldedName(name: string): string {
  return name.normalize("NFC").toLowerCase().toUpperCase();
}

/** Prefix of its folders with the temporary files of outputs. */
export const TEMPORARY_PREFIX = "unfinished-";

/** The folder of what belongs to the pack at this path. */
export function packStateOf(path: string): string {
  return path + STATE_FOLDER;
}

/** The pack to which the folder at this path belongs by its name; `undefined` if that is not the folder of a pack. */
export function packOf(path: string): string | undefined {
  if (!path.endsWith(STATE_FOLDER)) return undefined;
  return path.slice(0, -STATE_FOLDER.length) || undefined;
}

/** The journal of the pack at this path. */
export function packJournalOf(path: string): string {
  return join(packStateOf(path), JOURNAL);
}

/** Makes distcomp's own folder. If something else has its name, the error says so. */
export async function makeStateFolder(files: FolderFiles, path: string): Promise<void> {
  await files.makeFolder(path).catch((cause) => {
    if (codeOf(cause) !== "ENOTDIR") throw cause;
    throw new Error(`"${path}" is not a folder; move it away`, { cause });
  });
}
