/** Counts the files that a command line names, beside the run that reads them: without a path for each. */

import { nextTurn } from "../../runtime/clock.ts";
import { join } from "../../runtime/files/path.ts";
import type { FileListing } from "./list.ts";
import { ownFilesIn } from "./own_files.ts";
import { isInput, isSkippedFolder, startOf, type Walk } from "./walk.ts";
import { packsAmong } from "./earlier_outputs.ts";

/** How many inputs there are; `undefined` if one of the paths is `-`, which can be read only once. */
export async function countFiles(listing: FileListing): Promise<number | undefined> {
  const { files, paths } = listing;
  if (paths.includes("-")) return undefined;
  let count = 0;
  for (const path of paths) {
    if ((await files.target(path)).kind !== "folder") count += 1;
    else {
      const own = await ownFilesIn(files, path, listing);
      count += await countBelow(path, { files, ...own, warn: () => {} });
    }
  }
  return count;
}

/** So many folders of a folder are remembered. They are counted once it is closed: a tree may have many levels. */
const FOLDERS_MAX = 1_024;

/** The number of inputs below a folder. One that cannot be listed is a job that fails. */
async function countBelow(folder: string, options: Walk): Promise<number> {
  let count = 0;
  const folders: string[] = [];
  const start = startOf(folder);
  const own = [options.core, ...options.logs ?? []].filter((path) => path?.startsWith(start))
    .map((path) => path?.slice(start.length));
  try {
    for await (const entries of options.files.entries(folder)) {
      count -= (await packsAmong(options.files, entries, start, options.pack)).size;
      for (const entry of entries) {
        const { name, kind } = entry;
        if (own.includes(name)) continue;
        if (kind === "file") count += 1;
        else {
          const path = join(folder, name);
          if (kind !== "folder") count += await isInput(path, entry, options) ? 1 : 0;
          else if (!await isSkippedFolder(path, entry, options)) folders.push(name);
        }
      }
      await nextTurn(); // the run goes on meanwhile
      if (folders.length > FOLDERS_MAX) {
        count += await countInAll(folders.splice(0), start, options);
      }
    }
  } catch {
    count += 1; // the job that fails because of it, with the reason
  }
  return count + await countInAll(folders, start, options);
}

async function countInAll(names: readonly string[], start: string, options: Walk): Promise<number> {
  let count = 0;
  for (const name of names) count += await countBelow(start + name, options);
  return count;
}
