/** The logs that workers in a batch system leave in the user's home, if this machine shares it with the nodes. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { homeFolder } from "../system/home_folder.ts";

/** A longer line is cut. */
const CHARS_MAX = 300;

/** Where the script of a worker writes them, under the ids of their jobs; `undefined` without a home. */
export function batchLogFolder(
  env: Readonly<Record<string, string | undefined>>,
  homeOfUser?: () => string,
): string | undefined {
  const home = homeFolder(env, homeOfUser);
  const cache = env["XDG_CACHE_HOME"] || (home && join(home, ".cache"));
  return cache && join(cache, "distcomp/jobs");
}

/** The last line that the last of these jobs has logged; `undefined` if none has. Logs of other jobs do not count. */
export async function lastLogged(
  folder: string | undefined,
  jobs: readonly string[],
): Promise<string | undefined> {
  if (folder === undefined) return undefined;
  for (const id of jobs.toReversed()) {
    const [job = ""] = id.split(";"); // without its cluster, which its script does not know
    const text = await readFile(join(folder, job), "utf8").catch(() => ""); // that home may not be shared
    const line = text.trimEnd().split("\n").at(-1);
    if (line) return line.slice(0, CHARS_MAX);
  }
  return undefined;
}
