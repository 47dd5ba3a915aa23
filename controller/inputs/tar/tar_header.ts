/** Reads the headers of a tar: ustar, the older format, and those of GNU tar. */

import { Buffer } from "node:buffer";
import { nameOfBytes } from "../../../runtime/files/file_name.ts";
import { asciiText } from "../ascii_text.ts";
import { TAR_BLOCK_BYTES } from "../../output/pack/tar_headers.ts";

const NAME = [0, 100] as const;
const SIZE = [124, 136] as const;
const CHECKSUM_AT = 148;
const CHECKSUM_END = 156;
const TYPE_AT = 156;
const MAGIC_AT = 257;
const PREFIX = [345, 500] as const;
const SPACE = 0x20;
const ZERO = 0x30;
const USTAR = Buffer.from("ustar\0");
const SLASH = Buffer.from("/");

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

/** Bytes of a tar, and a view of the same bytes for reading several at once. */
export interface TarBytes {
  readonly bytes: Buffer;
  readonly view: DataView;
}

/** The two forms of these bytes. */
export function tarBytes(bytes: Buffer): TarBytes {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
}

/** A header. */
export interface TarHeader {
  /** The type as a letter; `0` for a file in all formats. */
  readonly type: string;
  readonly name: string;
  readonly bytes: number;
}

/** Parses the block at `at`; `undefined` if all its bytes are zero, as at the end of a tar. Throws a `TarHeaderError`. */
export function parseTarHeader({ bytes, view }: TarBytes, at: number): TarHeader | undefined {
  const sum = SUM_OF_ZEROS + sumOf(view, at, TAR_BLOCK_BYTES) -
    sumOf(view, at + CHECKSUM_AT, CHECKSUM_END - CHECKSUM_AT);
  if (sum === SUM_OF_ZEROS && bytes[at + CHECKSUM_AT] === 0) return undefined;
  const expected = numberIn(bytes, at + CHECKSUM_AT, at + CHECKSUM_END);
  if (expected !== sum && expected !== signedSumOf(bytes, at, sum)) {
    throw new TarHeaderError("there is no header of a file; it is damaged, or not a tar");
  }
  const fileBytes = numberIn(bytes, at + SIZE[0], at + SIZE[1]);
  if (fileBytes === undefined) throw new TarHeaderError("the size of the file is not a number");
  const type = String.fromCharCode(bytes[at + TYPE_AT] || ZERO);
  return { type, name: nameIn(bytes, at), bytes: fileBytes };
}

/** The sum of bytes whose number is a multiple of four. Runs for each file, so it adds up four at once. */
function sumOf(view: DataView, from: number, count: number): number {
  let even = 0, odd = 0;
  for (let at = from; at < from + count; at += 4) {
    const word = view.getUint32(at, true);
    if (word === 0) continue; // most of a header
    even += word & 0xff00ff; // a block is too small for an overflow into the next sum
    odd += (word >>> 8) & 0xff00ff;
  }
  return (even & 0xffff) + (even >>> 16) + (odd & 0xffff) + (odd >>> 16);
}

/** The sum as some old programs made it: of signed bytes. */
function signedSumOf(bytes: Buffer, at: number, sum: number): number {
  const isIn = (place: number) => place < CHECKSUM_AT || place >= CHECKSUM_END;
  const block = bytes.subarray(at, at + TAR_BLOCK_BYTES);
  return sum - 0x100 * block.filter((byte, place) => byte >= 0x80 && isIn(place)).length;
}

/** The name. One that did not fit is stored in two parts. */
function nameIn(bytes: Buffer, at: number): string {
  const end = endOfText(bytes, at + NAME[0], at + NAME[1]);
  // GNU tar has other things in the place of the prefix, and spaces in its magic word.
  const hasPrefix = bytes[at + PREFIX[0]] !== 0 && isUstar(bytes, at);
  const prefixEnd = hasPrefix ? endOfText(bytes, at + PREFIX[0], at + PREFIX[1]) : 0;
  const text = hasPrefix ? undefined : asciiText(bytes, at, end);
  if (text !== undefined) return text;
  const name = bytes.subarray(at, end);
  if (!hasPrefix) return nameOfBytes(name);
  return nameOfBytes(Buffer.concat([bytes.subarray(at + PREFIX[0], prefixEnd), SLASH, name]));
}

/** The name in the content of an entry of its own. */
export function longNameIn(content: Buffer): Buffer {
  return content.subarray(0, endOfText(content, 0, content.byteLength));
}

function isUstar(bytes: Buffer, at: number): boolean {
  return USTAR.every((byte, place) => bytes[at + MAGIC_AT + place] === byte);
}

/** Where the first zero of a field is. */
function endOfText(bytes: Buffer, from: number, to: number): number {
  let end = from;
  while (end < to && bytes[end] !== 0) end += 1;
  return end;
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
