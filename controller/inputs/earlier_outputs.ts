/** Finds what earlier runs have left among inputs. */

import type { Files } from "../../runtime/files/files.ts";
import { basename } from "../../runtime/files/path.ts";
import type { Entry } from "../../runtime/files/folder.ts";
import { journalIn } from "../output/journal/journal.ts";
import { packJournalOf, packOf, STATE_FOLDER } from "../output/state_folder.ts";

type Targets = Pick<Files, "target">;

/** Whether a run has written its outputs to this folder. */
export function isOutputFolder(files: Targets, folder: string): Promise<boolean> {
  return isThere(files, journalIn(folder));
}

/** Whether a folder is the one beside a pack, with its journal. */
export async function isStateOfPack(files: Targets, folder: string): Promise<boolean> {
  const pack = packOf(folder);
  return pack !== undefined && await isThere(files, packJournalOf(pack));
}

/** Whether a run has made what is here: a folder of outputs, a pack, or distcomp's own files beside either. */
export async function isOfEarlierRun(files: Targets, path: string): Promise<boolean> {
  return basename(path) === STATE_FOLDER || await isOutputFolder(files, path) ||
    await isStateOfPack(files, path) || await isThere(files, packJournalOf(path));
}

/**
 * The packs in a folder: `own`, that of this run, and those of earlier runs, by the folders of their journals among
 * `entries`. `start` is what stands before a name in the folder.
 */
export async function packsAmong(
  files: Targets,
  entries: readonly Entry[],
  start: string,
  own?: string,
): Promise<ReadonlySet<string>> {
  const packs = new Set<string>();
  const ownName = own?.startsWith(start) ? own.slice(start.length) : undefined;
  for (const { name, kind } of entries) {
    if (name === ownName) packs.add(name);
    const pack = kind === "folder" ? packOf(name) : undefined;
    if (!pack || !await isStateOfPack(files, start + name)) continue;
    if (await isThere(files, start + pack)) packs.add(pack);
  }
  return packs;
}

function isThere(files: Targets, path: string): Promise<boolean> {
  return files.target(path).then(() => true, () => false);
}
