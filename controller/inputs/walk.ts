/** Walks a folder of inputs. */

import { join, relative } from "../../runtime/path.ts";
import { reasonOf } from "../../runtime/error_text.ts";
import type { Files } from "../../runtime/files.ts";
import type { Entry } from "../../runtime/folder.ts";
import { STATE_FOLDER } from "../output/directory_sink.ts";
import { type ListedFile, namedFile } from "./listed_file.ts";
import type { OutputNaming } from "./output_naming.ts";
import type { Warn } from "./source.ts";

/** How a folder is walked. */
export interface Walk {
  readonly files: Files;
  /** A folder that is left out. */
  readonly excluded: string;
  readonly warn: Warn;
  readonly naming?: OutputNaming | undefined;
}

/** The files below `folder`, ordered by name. */
export function walkFolder(folder: string, options: Walk): AsyncIterable<ListedFile> {
  return walk(folder, folder, options);
}

async function* walk(root: string, folder: string, options: Walk): AsyncIterable<ListedFile> {
  let entries: Entry[];
  try {
    entries = await options.files.entries(folder);
  } catch (error) {
    // A failed job rather than a warning: the outputs of these files will be missing.
    const failure = `cannot list the folder "${folder}": ${reasonOf(error)}`;
    return yield { path: folder, name: `${relative(root, folder)}/`, failure };
  }
  entries.sort((one, other) => one.name < other.name ? -1 : 1);
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.kind === "folder") {
      // The output folder of another run may be an input, but distcomp's own files in it are not inputs.
      const isSkipped = path === options.excluded || entry.name === STATE_FOLDER;
      if (!isSkipped) yield* walk(root, path, options);
    } else if (await isInput(path, entry, options)) {
      yield namedFile(path, relative(root, path), options.naming);
    }
  }
}

/** Whether an entry is an input. Warns if it is not. */
async function isInput(path: string, entry: Entry, { files, warn }: Walk): Promise<boolean> {
  if (entry.kind === "file") return true;
  if (entry.kind !== "link") {
    warn(`skipping "${path}": it is neither a file nor a folder`);
    return false;
  }
  const target = await files.target(path).catch(() => undefined);
  if (!target || target.kind === "file") return true; // a broken link is a job that fails with a reason
  warn(`skipping "${path}": links to folders are not followed`); // they could form a cycle
  return false;
}
