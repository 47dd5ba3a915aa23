/** Finds what earlier runs have left among inputs. */

import type { Files } from "../../runtime/files.ts";
import type { Entry } from "../../runtime/folder.ts";
import { journalIn } from "../output/journal.ts";
import { packJournalOf, packOf } from "../output/state_folder.ts";

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

/** The packs of earlier runs in a folder, by the folders of their journals among `entries`. `start` ends with `/`. */
export async function packsAmong(
  files: Targets,
  entries: readonly Entry[],
  start: string,
): Promise<ReadonlySet<string>> {
  const packs = new Set<string>();
  for (const { name, kind } of entries) {
    const pack = kind === "folder" ? packOf(name) : undefined;
    if (!pack || !await isStateOfPack(files, start + name)) continue;
    if (await isThere(files, start + pack)) packs.add(pack);
  }
  return packs;
}

function isThere(files: Targets, path: string): Promise<boolean> {
  return files.target(path).then(() => true, () => false);
}
