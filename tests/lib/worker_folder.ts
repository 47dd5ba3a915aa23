/** What a worker keeps on its disk. */

import { readdir } from "node:fs/promises";
import { join } from "node:path";

/**
 * The paths of the files that have this ending, of the worker whose own folder is in `parent`. The folders of its slots
 * are not read: they come and go.
 */
export async function workerFiles(parent: string, ending: string): Promise<string[]> {
  const [own = ""] = await readdir(parent);
  const names = await readdir(join(parent, own));
  return names.filter((name) => name.endsWith(ending)).map((name) => join(parent, own, name));
}
