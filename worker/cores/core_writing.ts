/** Puts the files of cores on the worker's disk. */

import { dirname } from "node:path";
import { codeOf, reasonOf } from "../../runtime/error_text.ts";
import type { Files } from "../../runtime/files/files.ts";

/** Only this user may load it, and nobody may change it. */
export const CORE_MODE = 0o500;

/** Makes the folder of a setup, `root`: links to contents. What cannot be made whole is removed. */
export async function layOut(
  files: Files,
  root: string,
  links: readonly (readonly [from: string, to: string])[],
): Promise<void> {
  try {
    for (const folder of new Set(links.map(([, to]) => dirname(to)))) {
      await files.makeFolder(folder);
    }
    for (const [from, to] of links) await files.link(from, to);
  } catch (cause) {
    await files.remove(root).catch(() => {}); // the first error is the one to report
    throw storeError(dirname(root), cause);
  }
}

/** Writes a core to a file that is whole or not there. */
export async function writeCore(files: Files, path: string, content: Uint8Array): Promise<void> {
  const unfinished = `${path}.unfinished`;
  try {
    await files.create(unfinished, content, CORE_MODE);
    await files.rename(unfinished, path);
  } catch (cause) {
    await files.remove(unfinished).catch(() => {}); // the first error is the one to report
    throw storeError(dirname(path), cause);
  }
}

/** Whatever cleans temporary folders may have removed that of a worker, which then needs a new one. */
export function storeError(folder: string, cause: unknown): Error {
  const reason = codeOf(cause) === "ENOENT" ? "that folder is gone; restart it" : reasonOf(cause);
  return new Error(`this worker cannot store it in "${folder}": ${reason}`, { cause });
}
