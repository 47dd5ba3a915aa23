/** With what a tar is packed, by its first bytes. */

import { Buffer } from "node:buffer";
import { ZSTD_MAGIC } from "../../output/pack/zstd_unpacking.ts";

/** So many bytes tell it. */
export const MAGIC_BYTES = 10;

const GZIP = Buffer.of(0x1f, 0x8b);

/** What follows the first byte of a frame of zstd that readers skip, 0x50 to 0x5f. */
const SKIPPED = Buffer.of(0x2a, 0x4d, 0x18);

/** How files begin that are not unpacked here, and what to do. A plain tar begins with the name of a file. */
const OTHERS: readonly (readonly [string, string])[] = [
  [
    "\xfd7zXZ\0",
    "it is compressed with xz; decompress it: xz -dc FILE | distcomp run … --inputs -",
  ],
  [
    "BZh1AY&SY",
    "it is compressed with bzip2; decompress it: bzip2 -dc FILE | distcomp run … --inputs -",
  ],
  [
    "\x04\x22\x4d\x18",
    "it is compressed with lz4; decompress it: lz4 -dc FILE | distcomp run … --inputs -",
  ],
  ["PK\x03\x04", "it is a zip; unpack it, and name the folder: unzip FILE -d FOLDER"],
];

/** A file of bzip2 has a digit there: the size of its blocks. */
const BZIP2_SIZE = /(?<=^BZh)[1-9]/;

/** With what the file is packed that begins with these bytes. Throws if that is not unpacked here. */
export function packingOf(first: Buffer): "gzip" | "zstd" | undefined {
  if (beginsWith(first, GZIP)) return "gzip";
  // A frame of content, or one that readers skip.
  const isSkipped = SKIPPED.equals(first.subarray(1, 4)) && (first[0] as number) >> 4 === 5;
  if (isSkipped || beginsWith(first, ZSTD_MAGIC)) return "zstd";
  const text = first.toString("latin1").replace(BZIP2_SIZE, "");
  const other = OTHERS.find(([magic]) => text.startsWith(magic));
  if (other) throw new Error(other[1]);
  return undefined;
}

function beginsWith(bytes: Buffer, magic: Buffer): boolean {
  return bytes.subarray(0, magic.byteLength).equals(magic);
}
