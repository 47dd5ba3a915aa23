/** Folders of workers that were killed: nobody else removes them, and the cores in them are large. */

import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import type { Runtime } from "./ports.ts";
import { FOLDER_PREFIX } from "./temporary_folder.ts";

/** A folder this young may belong to a worker that does not listen yet. */
const AGE_MS_MIN = 60_000;

/** A worker of this machine answers at once. */
const DIAL_LIMIT_MS = 1_000;

/**
 * Removes this user's folders in `parent` in which nobody listens on the socket `name`. Asking the socket
 * also tells where process ids do not: several containers may share a folder. It does what it can.
 */
export async function removeLeftovers(
  runtime: Runtime,
  parent: string,
  name: string,
): Promise<void> {
  for (const entry of await readdir(parent).catch(() => [])) {
    if (!entry.startsWith(FOLDER_PREFIX)) continue;
    const folder = join(parent, entry);
    if (await isOld(folder)) await removeIfDeserted(runtime, folder, name);
  }
}

/** Removes a folder if nobody listens on the socket `name` in it any more. */
export async function removeIfDeserted(
  runtime: Runtime,
  folder: string,
  name: string,
): Promise<void> {
  if (!await isRefused(runtime, join(folder, name))) return;
  await rm(folder, { recursive: true, force: true }).catch(() => {}); // what stays does no harm
}

async function isOld(folder: string): Promise<boolean> {
  const info = await stat(folder).catch(() => undefined);
  return info !== undefined && info.uid === process.getuid?.() &&
    Date.now() - info.mtimeMs > AGE_MS_MIN;
}

/** Only a refusal is a proof: a socket that is not there, or not ours to ask, says nothing. */
async function isRefused(runtime: Runtime, path: string): Promise<boolean> {
  if (!(await stat(path).catch(() => undefined))?.isSocket()) return false;
  try {
    (await runtime.dial({ kind: "unix", path }, DIAL_LIMIT_MS)).close();
    return false;
  } catch (error) {
    return /refused/i.test(String(error));
  }
}
