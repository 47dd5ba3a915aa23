/** distcomp's own folder: inside an output folder, or beside a pack. */

import { join } from "../../runtime/files/path.ts";

export const STATE_FOLDER = ".distcomp";

/** In any case: some file systems do not tell `.Distcomp` from it. */
const RESERVED = /^\.distcomp(\/|$)/i;

/** Whether no output may have this name: in the folder, or where a pack is unpacked, it would be a file of distcomp. */
export function isReserved(name: string): boolean {
  return name.startsWith(".") && RESERVED.test(name);
}

/** Prefix of its folders with the temporary files of outputs. */
export const TEMPORARY_PREFIX = "unfinished-";

/** The folder of what belongs to the pack at this path. */
export function packStateOf(path: string): string {
  return path + STATE_FOLDER;
}

/** The pack to which the folder at this path belongs by its name; `undefined` if that is no folder of a pack. */
export function packOf(path: string): string | undefined {
  if (!path.endsWith(STATE_FOLDER)) return undefined;
  return path.slice(0, -STATE_FOLDER.length) || undefined;
}

/** The journal of the pack at this path. */
export function packJournalOf(path: string): string {
  return join(packStateOf(path), "jobs.jsonl");
}
