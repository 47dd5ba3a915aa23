/** Signs files: a library at its end, any other file in a file of its own beside it. */

import { chmod, open, readFile, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import {
  FILE_START_BYTES,
  findSignature,
  isSharedLibrary,
  SIGNATURE_SUFFIX,
  signatureLine,
} from "../core/signature.ts";
import { systemFiles } from "../runtime/system_files.ts";
import { nativePath } from "../runtime/native_path.ts";
import { hashesOf, withOpenFile } from "./file_hash.ts";
import { sha256Of } from "./sha256.ts";
import type { Signer } from "./signer.ts";

/** Signs a file, in place of an earlier signature. Resolves to the path of the file that has the signature now. */
export async function signFile(file: string, signer: Signer): Promise<string> {
  if (await isLibrary(file)) {
    await signLibrary(file, signer);
    return file;
  }
  const path = `${file}${SIGNATURE_SUFFIX}`;
  const { whole } = await withOpenFile(
    systemFiles,
    file,
    async (opened) => hashesOf(opened, (await opened.info()).bytes),
  );
  await writeFile(nativePath(path), signatureLine(signer.sign(whole)));
  return path;
}

async function isLibrary(file: string): Promise<boolean> {
  const handle = await open(nativePath(file), "r");
  try {
    const start = new Uint8Array(FILE_START_BYTES);
    const { bytesRead } = await handle.read(start, 0, start.byteLength, 0);
    return isSharedLibrary(start.subarray(0, bytesRead));
  } finally {
    await handle.close();
  }
}

/** The library is whole at any time: it may be in use. */
async function signLibrary(file: string, signer: Signer): Promise<void> {
  const path = await realpath(nativePath(file)); // a link stays one
  const { mode } = await stat(path);
  const content = await readFile(path);
  const own = content.subarray(0, content.byteLength - (findSignature(content)?.bytes ?? 0));
  const unfinished = `${path}.signing`;
  try {
    await writeFile(unfinished, own, { flag: "wx", mode });
    await writeFile(unfinished, `\n${signatureLine(signer.sign(sha256Of(own)))}`, { flag: "a" });
    await chmod(unfinished, mode);
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}
