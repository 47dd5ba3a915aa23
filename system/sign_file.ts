/** Signs files: a library at its end, any other file in a file of its own beside it. */

import { readFile } from "node:fs/promises";
import { findSignature, SIGNATURE_SUFFIX, signatureLine } from "../core/signature.ts";
import { systemFiles } from "../runtime/files/system_files.ts";
import { nativePath } from "../runtime/files/native_path.ts";
import { hashesOfFile, withOpenFile } from "./file_hash.ts";
import { isLibrary } from "./signed_file.ts";
import { replaceFile } from "./replaced_file.ts";
import { sha256Of } from "./sha256.ts";
import type { Signer } from "./signer.ts";

/** Signs a file, in place of an earlier signature. Resolves to the path of the file that has the signature now. */
export async function signFile(file: string, signer: Signer): Promise<string> {
  if (await withOpenFile(systemFiles, file, isLibrary)) {
    await signLibrary(file, signer);
    return file;
  }
  const path = `${file}${SIGNATURE_SUFFIX}`;
  const { whole } = await hashesOfFile(systemFiles, file);
  await replaceFile(path, [signatureLine(signer.sign(whole))]);
  return path;
}

/** Signs a library. The signed file replaces it in one step, because a program may be loading it. */
async function signLibrary(file: string, signer: Signer): Promise<void> {
  const content = await readFile(nativePath(file));
  const own = content.subarray(0, content.byteLength - (findSignature(content)?.bytes ?? 0));
  await replaceFile(file, [own, `\n${signatureLine(signer.sign(sha256Of(own)))}`]);
}
