/** Identities of inputs: a job runs again when its input's identity has changed. */

import { hash } from "node:crypto";
import { normalize } from "node:path";
import { crc32 } from "node:zlib";
import { checksumText } from "../output/checksum.ts";

/** 128 bits: no two contents have the same by chance. */
const HASH_HEX_DIGITS = 32;

/** That of an input that is the number in its name: nothing else can change. */
export const NUMBER_IDENTITY = "number";

/**
 * A file's identity is its size and when it was modified, as for `make` and `rsync`, to the millisecond (all
 * that Deno tells); and its path as it was named, because files of another folder may have the same names,
 * sizes and times: archives often give all their files the same time.
 */
export function fileIdentity(path: string, info: { size: number; mtimeMs: number }): string {
  const pathChecksum = checksumText(crc32(normalize(path)));
  return `file-${info.size}-${Math.floor(info.mtimeMs)}-${pathChecksum}`;
}

/** The identity of an input whose content is in memory. */
export function contentIdentity(content: Uint8Array): string {
  return `data-${content.byteLength}-${hash("sha256", content, "hex").slice(0, HASH_HEX_DIGITS)}`;
}
