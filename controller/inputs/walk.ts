/** Walks a folder of inputs. */

import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { reasonOf } from "../../runtime/error_text.ts";
import { STATE_FOLDER } from "../output/directory_sink.ts";
import type { ListedFile } from "./listed_file.ts";
import type { Warn } from "./source.ts";

/** The files below `folder`, ordered by name, without those below the folder `excluded`. */
export function walkFolder(
  folder: string,
  excluded: string,
  warn: Warn,
): AsyncIterable<ListedFile> {
  return walk(folder, folder, excluded, warn);
}

async function* walk(
  root: string,
  folder: string,
  excluded: string,
  warn: Warn,
): AsyncIterable<ListedFile> {
  let entries: Dirent[];
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch (error) {
    // A failed job rather than a warning: the outputs of these files will be missing.
    const failure = `cannot list the folder "${folder}": ${reasonOf(error)}`;
    return yield { path: folder, name: `${relative(root, folder)}/`, failure };
  }
  entries.sort((one, other) => one.name < other.name ? -1 : 1);
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      // The output folder of another run may be an input, but distcomp's own files in it are not inputs.
      const isSkipped = path === excluded || entry.name === STATE_FOLDER;
      if (!isSkipped) yield* walk(root, path, excluded, warn);
    } else if (await isInput(path, entry, warn)) {
      yield { path, name: relative(root, path) };
    }
  }
}

/** Whether an entry is an input. Warns if it is not. */
async function isInput(path: string, entry: Dirent, warn: Warn): Promise<boolean> {
  if (entry.isFile()) return true;
  if (!entry.isSymbolicLink()) {
    warn(`skipping "${path}": it is neither a file nor a folder`);
    return false;
  }
  const target = await stat(path).catch(() => undefined);
  if (!target || target.isFile()) return true; // a broken link is a job that fails with a reason
  warn(`skipping "${path}": links to folders are not followed`); // they could form a cycle
  return false;
}
