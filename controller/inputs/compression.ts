/** With what data is compressed, by its first bytes. */

import { Buffer } from "node:buffer";
import { ZSTD_MAGIC } from "../output/pack/zstd_unpacking.ts";

/** So many bytes tell it. */
export const MAGIC_BYTES = 10;

/** What can be told. All but zip are the names of commands that decompress it. */
export type Compression = "gzip" | "zstd" | "xz" | "bzip2" | "lz4" | "zip";

/** How compressed data begins, one character for each byte. */
const MAGICS: readonly (readonly [string, Compression])[] = [
  ["\x1f\x8b", "gzip"],
  [ZSTD_MAGIC.toString("latin1"), "zstd"],
  ["P\x2a\x4d\x18", "zstd"], // a frame that readers skip
  ["\xfd7zXZ\0", "xz"],
  ["BZh1AY&SY", "bzip2"],
  ["\x04\x22\x4d\x18", "lz4"],
  ["PK\x03\x04", "zip"],
];

/** A file of bzip2 has a digit there: the size of its blocks. */
const BZIP2_SIZE = /(?<=^BZh)[1-9]/;

/** The first byte of a frame of zstd that readers skip, 0x50 to 0x5f. */
const SKIPPED = /^[P-_](?=\x2a|$)/;

/** With what the data is compressed that begins with these bytes. */
export function compressionOf(first: Buffer): Compression | undefined {
  const text = comparable(first);
  return MAGICS.find(([magic]) => text.startsWith(magic))?.[1];
}

/** Whether data that begins with these bytes may be compressed: more of them would tell. */
export function mayBeCompressed(first: Buffer): boolean {
  const text = comparable(first);
  return MAGICS.some(([magic]) => magic.startsWith(text));
}

/** The first bytes, without what differs from file to file. */
function comparable(first: Buffer): string {
  const text = first.toString("latin1", 0, MAGIC_BYTES);
  return text.replace(BZIP2_SIZE, "").replace(SKIPPED, "P");
}
