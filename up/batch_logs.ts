/** The logs that workers in a batch system leave in the user's home, if this machine shares it with the nodes. */

import { readdir, readFile, stat } from "node:fs/promises";
import os from "node:os";
import { join } from "node:path";

/** A longer line is cut. */
const CHARS_MAX = 300;

/** Where the script of a worker writes them. */
export function batchLogFolder(env: Readonly<Record<string, string | undefined>>): string {
  return join(env.XDG_CACHE_HOME || join(os.homedir(), ".cache"), "distcomp/jobs");
}

/** The last line of the newest log since `sinceMs`; `undefined` if there is none. */
export async function lastLogged(folder: string, sinceMs: number): Promise<string | undefined> {
  try {
    let newest: { readonly path: string; readonly atMs: number } | undefined;
    for (const name of await readdir(folder)) {
      const path = join(folder, name);
      const { mtimeMs: atMs, size } = await stat(path);
      if (size > 0 && atMs >= (newest?.atMs ?? sinceMs)) newest = { path, atMs };
    }
    const lines = newest && (await readFile(newest.path, "utf8")).trimEnd().split("\n");
    return lines?.at(-1)?.slice(0, CHARS_MAX);
  } catch {
    return undefined; // the home is not shared, or another process has just removed a log
  }
}
