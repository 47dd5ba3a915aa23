/** Replaces a file that others read: they see the old one or the new one as a whole, after a loss of power, too. */

import { chmod, open, rename, rm, stat, writeFile } from "node:fs/promises";
import process from "node:process";
import { realPathOf } from "../runtime/files/folder.ts";
import { nativePath } from "../runtime/files/native_path.ts";

/** What a new file may be used for by others, less what the umask takes. */
const NEW_MODE = 0o666;

/** What the process has open already, which may well be a file: others would go on with the old one. */
const DESCRIPTOR = /^\/dev\/(stdout|stderr|fd\/\d+)$/;

/**
 * Writes `parts` one behind the other. A link stays one, and a file that is replaced keeps its mode. A device or a pipe
 * is not replaced, but written to.
 */
export async function replaceFile(
  path: string,
  parts: readonly (string | Uint8Array)[],
): Promise<void> {
  const target = await realPathOf(path).catch(() => path); // there may be none
  const replaced = await stat(nativePath(target)).catch(() => undefined); // nor this
  if (DESCRIPTOR.test(path) || (replaced && !replaced.isFile())) {
    return await writeFile(nativePath(path), parts);
  }
  const unfinished = nativePath(`${target}.${process.pid}.unfinished`);
  try {
    await writeAndSync(unfinished, parts);
    if (replaced) await chmod(unfinished, replaced.mode);
    await rename(unfinished, nativePath(target));
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

async function writeAndSync(
  path: ReturnType<typeof nativePath>,
  parts: readonly (string | Uint8Array)[],
): Promise<void> {
  const file = await open(path, "wx", NEW_MODE);
  try {
    for (const part of parts) await file.writeFile(part);
    await file.datasync();
  } finally {
    await file.close();
  }
}
