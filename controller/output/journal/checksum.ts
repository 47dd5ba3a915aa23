/** Checksums of outputs and journal lines: CRC-32 from `node:zlib`, which handles gigabytes per second. */

import { crc32 } from "node:zlib";
import type { FolderFiles } from "../../../runtime/files/files_below.ts";
import { chunksOf } from "../file_chunks.ts";

/** The two hex digits of each byte. Every job needs two checksums, and `toString(16)` takes five times as long. */
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** A checksum as 8 hex digits. */
export function checksumText(crc: number): string {
  return `${byteHex(crc >>> 24)}${byteHex(crc >>> 16)}${byteHex(crc >>> 8)}${byteHex(crc)}`;
}

/** Parses 8 hex digits. */
export function parseChecksum(text: string): number {
  return parseInt(text, 16);
}

/** The checksum of a file's content, however large it is. */
export async function checksumOfFile(files: FolderFiles, path: string): Promise<number> {
  let crc = 0;
  for await (const chunk of chunksOf(files, path)) crc = crc32(chunk, crc);
  return crc;
}

function byteHex(number: number): string {
  return HEX[number & 0xff] as string;
}
