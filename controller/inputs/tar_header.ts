/** Reads the headers of a tar: ustar, the older format, and those of GNU tar. */

import type { Buffer } from "node:buffer";
import { TAR_BLOCK_BYTES } from "../output/tar_headers.ts";

const NAME = [0, 100] as const;
const SIZE = [124, 136] as const;
const CHECKSUM_AT = 148;
const CHECKSUM_END = 156;
const TYPE_AT = 156;
const MAGIC = [257, 263] as const;
const PREFIX = [345, 500] as const;
const SPACE = 0x20;
const ZERO = 0x30;

/** The checksum of a block counts as spaces in its own sum. */
const SUM_OF_ZEROS = SPACE * (CHECKSUM_END - CHECKSUM_AT);
const SEVEN = 0x37;

/** The first bit of a number says that it is written in binary, and the second one that it is negative. */
const BINARY = 0x80;
const NEGATIVE = 0x40;

/** What is wrong with a header. */
export class TarHeaderError extends Error {
  override name = "TarHeaderError";
}

/** A header. */
export interface TarHeader {
  /** The type as a letter; `0` for a file in all formats. */
  readonly type: string;
  /** The bytes of the name. */
  readonly name: Buffer;
  /** The folder of the name, where it did not fit. */
  readonly prefix: Buffer;
  readonly bytes: number;
}

/** Parses a block; `undefined` if all its bytes are zero, as at the end of a tar. Throws a `TarHeaderError`. */
export function parseTarHeader(block: Buffer): TarHeader | undefined {
  const sum = sumOf(block);
  if (sum === SUM_OF_ZEROS && block[CHECKSUM_AT] === 0) return undefined;
  const expected = numberIn(block, CHECKSUM_AT, CHECKSUM_END);
  if (expected !== sum && expected !== signedSumOf(block, sum)) {
    throw new TarHeaderError("there is no header of a file; it is damaged, or no tar");
  }
  const bytes = numberIn(block, ...SIZE);
  if (bytes === undefined) throw new TarHeaderError("the size of the file is no number");
  const type = String.fromCharCode(block[TYPE_AT] || ZERO);
  // GNU tar has other things in the place of the prefix, and spaces in its magic word.
  const hasPrefix = block.toString("latin1", ...MAGIC) === "ustar\0";
  const prefix = textIn(block, PREFIX[0], hasPrefix ? PREFIX[1] : PREFIX[0]);
  return { type, name: textIn(block, ...NAME), prefix, bytes };
}

/** Runs for each file, so it has no branches. */
function sumOf(block: Buffer): number {
  let sum = SUM_OF_ZEROS;
  for (let at = 0; at < CHECKSUM_AT; at++) sum += block[at] as number;
  for (let at = CHECKSUM_END; at < TAR_BLOCK_BYTES; at++) sum += block[at] as number;
  return sum;
}

/** The sum as some old programs made it: of signed bytes. */
function signedSumOf(block: Buffer, sum: number): number {
  const isIn = (at: number) => at < CHECKSUM_AT || at >= CHECKSUM_END;
  return sum - 0x100 * block.filter((byte, at) => byte >= 0x80 && isIn(at)).length;
}

/** The bytes of a field up to the first zero. */
function textIn(block: Buffer, from: number, to: number): Buffer {
  let end = from;
  while (end < to && block[end] !== 0) end += 1;
  return block.subarray(from, end);
}

/** A number in octal digits, or in binary; `undefined` if it is none, negative, or too large to be exact. */
function numberIn(block: Buffer, from: number, to: number): number | undefined {
  const first = block[from] as number;
  if ((first & BINARY) !== 0) {
    return (first & NEGATIVE) === 0 ? binaryIn(block, from, to) : undefined;
  }
  let at = from;
  while (at < to && block[at] === SPACE) at += 1;
  let number = 0;
  for (; at < to; at++) {
    const byte = block[at] as number;
    if (byte === 0 || byte === SPACE) break;
    if (byte < ZERO || byte > SEVEN) return undefined;
    number = 8 * number + byte - ZERO;
  }
  return number;
}

function binaryIn(block: Buffer, from: number, to: number): number | undefined {
  let number = (block[from] as number) & ~BINARY;
  for (let at = from + 1; at < to; at++) number = 0x100 * number + (block[at] as number);
  return Number.isSafeInteger(number) ? number : undefined;
}
