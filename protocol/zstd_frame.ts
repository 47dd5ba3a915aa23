/**
 * The outline of a zstd frame (RFC 8878), which is checked before anything is decompressed: how much memory it asks
 * for, and where it ends. What decompressors do with bytes behind a frame, or without its end, differs.
 */

import { MalformedPayloadError } from "./errors.ts";
import { readUint32 } from "./uint64.ts";

const MAGIC = 0xfd2fb528;

/** Bytes of the fields whose lengths the frame's descriptor gives by two bits. */
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;

const CHECKSUM_BYTES = 4;
const BLOCK_HEADER_BYTES = 3;

/** A block of this type is one byte that is repeated. */
const REPEATED_BYTE = 1;

/** Checks that `data` is exactly one frame without a dictionary, whose window is at most `windowBytesMax` bytes. */
export function checkZstdFrame(data: Uint8Array, windowBytesMax: number): void {
  if (data.byteLength < 6 || readUint32(data, 0) !== MAGIC) throw malformed("are not a zstd frame");
  const descriptor = data[4] as number;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  if (DICTIONARY_ID_BYTES[descriptor & 3] !== 0) throw malformed("need a dictionary");
  const sizeBytes = CONTENT_SIZE_BYTES[descriptor >> 6] as number;
  let at = 5;
  // The window of a single segment is its content, whose length the decompressor is told.
  if (!isSingleSegment && windowBytes(data[at++] as number) > windowBytesMax) {
    throw malformed(`need a window of more than ${windowBytesMax} bytes`);
  }
  at += isSingleSegment && sizeBytes === 0 ? 1 : sizeBytes;
  at = endOfBlocks(data, at) + ((descriptor & 4) !== 0 ? CHECKSUM_BYTES : 0);
  if (at !== data.byteLength) throw malformed("do not end where their zstd frame ends");
}

function windowBytes(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

function endOfBlocks(data: Uint8Array, first: number): number {
  for (let at = first; at + BLOCK_HEADER_BYTES <= data.byteLength;) {
    const header = (data[at] as number) | ((data[at + 1] as number) << 8) |
      ((data[at + 2] as number) << 16);
    const type = (header >> 1) & 3;
    at += BLOCK_HEADER_BYTES + (type === REPEATED_BYTE ? 1 : header >> 3);
    if ((header & 1) !== 0) return at;
  }
  return Infinity;
}

function malformed(why: string): MalformedPayloadError {
  return new MalformedPayloadError(`Compressed bytes ${why}`);
}
