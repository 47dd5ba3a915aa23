/** Identities of inputs: a job runs again when its input's identity has changed. */

import { hash } from "node:crypto";
import { normalize } from "node:path";
import { crc32 } from "node:zlib";
import { checksumText } from "../output/checksum.ts";

/** 128 bits: different contents do not have the same hash by chance. */
const HASH_HEX_DIGITS = 32;

/** The identity of all numbers: the input is its name, so it cannot change. */
export const NUMBER_IDENTITY = "number";

/**
 * A file's identity is its size and modification time, as for `make` and `rsync`, in milliseconds (Deno reports
 * no more), and its path as the user gave it. Without the path, files of another folder could have the same
 * identity: archives often give all their files the same time.
 */
export function fileIdentity(path: string, info: { size: number; mtimeMs: number }): string {
  const pathChecksum = checksumText(crc32(normalize(path)));
  return `file-${info.size}-${Math.floor(info.mtimeMs)}-${pathChecksum}`;
}

/** The identity of an input whose content is in memory. */
export function contentIdentity(content: Uint8Array): string {
  return `data-${content.byteLength}-${hash("sha256", content, "hex").slice(0, HASH_HEX_DIGITS)}`;
}
