/** Says who has signed a file, and why a signature does not count. */

import {
  FILE_START_BYTES,
  findSignature,
  isSharedLibrary,
  SIGNATURE_LINE_BYTES_MAX,
  SIGNATURE_SUFFIX,
  type SignatureLine,
} from "../core/signature.ts";
import type { OpenFile } from "../runtime/files/files.ts";
import { systemFiles } from "../runtime/files/system_files.ts";
import { type FileHashes, hashesOf, withOpenFile } from "./file_hash.ts";
import { readPart } from "./file_part.ts";
import { fingerprintOf, isSignatureOf } from "./signer.ts";

/**
 * A file, and the signature at its end. At the end of other files than libraries, the last line is a part of what a
 * program may read, and no signature.
 */
export interface SignedFile {
  readonly line: SignatureLine | undefined;
  /** Of the whole file, and as its start what is signed: all before the signature. */
  readonly hashes: FileHashes;
}

/** Reads a file, and the signature at its end, if it is a library, or nothing but a signature. */
export async function readSignedFile(file: OpenFile): Promise<SignedFile> {
  const { bytes } = await file.info();
  const found = findSignature(await readEnd(file, bytes));
  const line = found && (found.bytes === bytes || await isLibrary(file)) ? found : undefined;
  return { line, hashes: await hashesOf(file, bytes, bytes - (line?.bytes ?? 0)) };
}

/** Whether a signature of ours is in a file beside this one: other programs have files of such names, too. */
export async function hasSignatureBeside(file: string): Promise<boolean> {
  try {
    return await withOpenFile(systemFiles, `${file}${SIGNATURE_SUFFIX}`, async (beside) => {
      const { kind, bytes } = await beside.info();
      return kind === "file" && bytes <= SIGNATURE_LINE_BYTES_MAX &&
        findSignature(await readEnd(beside, bytes)) !== undefined;
    });
  } catch {
    return false; // there is none that can be read
  }
}

/** Whether a signature is put at the end of the file. */
export async function isLibrary(file: OpenFile): Promise<boolean> {
  return isSharedLibrary(await readPart(file, 0, FILE_START_BYTES));
}

async function readEnd(file: OpenFile, bytes: number): Promise<Uint8Array> {
  const count = Math.min(bytes, SIGNATURE_LINE_BYTES_MAX);
  return await readPart(file, bytes - count, count);
}

/**
 * Why a signature does not say that somebody trusted has signed the file with this SHA-256, as a clause; `undefined`
 * if it does.
 */
export function whyNotTrusted(
  line: SignatureLine | undefined,
  digest: string,
  trusted: readonly Uint8Array[],
): string | undefined {
  if (!line) return "it is not signed";
  const { signature } = line;
  if (!signature) {
    return "its signature cannot be read: it is damaged, or of a later version of distcomp";
  }
  const name = fingerprintOf(signature.signer);
  const isTrusted = trusted.some((key) => areEqual(key, signature.signer));
  if (!isTrusted) return `it is signed by ${name}, who is not trusted here`;
  return isSignatureOf(signature, digest) ? undefined : `it was changed since ${name} signed it`;
}

function areEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.byteLength === other.byteLength && one.every((byte, index) => byte === other[index]);
}
