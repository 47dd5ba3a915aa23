/**
 * What tells one state of an input from another, without reading it where that can be avoided: a job runs
 * again when this has changed.
 */

import { hash } from "node:crypto";
import { normalize } from "node:path";
import { crc32 } from "node:zlib";

/** 128 bits: nobody finds two contents with the same by chance. */
const HASH_HEX_DIGITS = 32;

/** An input that is the number it is named by: the name says it all. */
export const NUMBER_IDENTITY = "number";

/**
 * A file's is its size and when it was changed, to the millisecond (all that Deno tells), as `make` and
 * `rsync` have it. And its path as it was named: another folder's files may have the same names, sizes and
 * times, as archives often give all of theirs one time.
 */
export function fileIdentity(path: string, info: { size: number; mtimeMs: number }): string {
  const named = crc32(normalize(path)).toString(16).padStart(8, "0");
  return `file-${info.size}-${Math.floor(info.mtimeMs)}-${named}`;
}

/** That of a content which is at hand. */
export function contentIdentity(content: Uint8Array): string {
  return `data-${content.byteLength}-${hash("sha256", content, "hex").slice(0, HASH_HEX_DIGITS)}`;
}
