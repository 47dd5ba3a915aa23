/**
 * Compression, in protocol version 2: the message that turns it on for what a worker sends, the notice of how fast a
 * worker receives, and the frame that carries compressed bytes in either direction.
 */

import { MalformedPayloadError } from "./errors.ts";
import { encodeFrame, type Frame, MessageType, ResponseType } from "./frame.ts";
import { PayloadReader, PayloadWriter } from "./payload.ts";
import { readUint32, type Uint64 } from "./uint64.ts";
import { checkZstdFrame } from "./zstd_frame.ts";

/** The most bytes that one frame stands for: a receiver decompresses them in one go, in a few milliseconds. */
export const COMPRESSED_BYTES_MAX = 1024 * 1024;

/** Fewer are not compressed: the call costs as much as for this many, and a peer could make it for each byte. */
export const COMPRESSED_BYTES_MIN = 1024;

/** The largest window: no frame needs more to refer to all of its bytes. */
export const WINDOW_BYTES_MAX = COMPRESSED_BYTES_MAX;

/** Bytes of the payload before the data: coding (1), number of bytes (4). */
const PREFIX_BYTES = 5;

/** How the data stands for the bytes. */
const Coding = { plain: 0, zstd: 1 } as const;

/** Decompresses a zstd frame to `bytes` bytes. Throws if it has fewer or more, without making more. */
export type Decompress = (data: Uint8Array, bytes: number) => Uint8Array;

/** Encodes a "compression" as a whole frame. `compresses`: whether the worker is to compress what it sends. */
export function encodeCompression(id: Uint64, compresses: boolean): Uint8Array<ArrayBuffer> {
  return encodeFrame({
    type: MessageType.compression,
    id,
    payload: Uint8Array.of(compresses ? 1 : 0),
  });
}

/** Decodes the payload of a "compression". */
export function decodeCompression(payload: Uint8Array<ArrayBuffer>): boolean {
  const reader = new PayloadReader(payload, "The payload of a compression");
  const compresses = reader.flag();
  reader.end();
  return compresses;
}

/** Encodes a notice of how fast bytes arrive at the worker, in bytes per millisecond. */
export function encodeArrivalRate(bytesPerMs: number): Uint8Array<ArrayBuffer> {
  const payload = new PayloadWriter().uint64(
    Math.min(Math.round(bytesPerMs), Number.MAX_SAFE_INTEGER),
  ).bytes();
  return encodeFrame({ type: ResponseType.arrivalRate, id: 0, payload });
}

/** Decodes the payload of such a notice: bytes per millisecond. */
export function decodeArrivalRate(payload: Uint8Array<ArrayBuffer>): number {
  const reader = new PayloadReader(payload, "A notice of the rate at which bytes arrive");
  const rate = Number(reader.uint64());
  reader.end();
  return rate;
}

/** Encodes `bytes` as a whole frame, given what they are compressed to, or as they are. */
export function encodeCompressed(
  bytes: Uint8Array,
  zstd: Uint8Array | undefined,
): Uint8Array<ArrayBuffer> {
  const data = zstd ?? bytes;
  const payload = new Uint8Array(PREFIX_BYTES + data.byteLength);
  payload[0] = zstd ? Coding.zstd : Coding.plain;
  new DataView(payload.buffer).setUint32(1, bytes.byteLength, true);
  payload.set(data, PREFIX_BYTES);
  return encodeFrame({ type: MessageType.compressed, id: 0, payload });
}

/** Checks the length of a frame of compressed bytes, before all of it has arrived. */
export function checkCompressedLength(payloadBytes: number): void {
  if (payloadBytes <= PREFIX_BYTES + COMPRESSED_BYTES_MAX) return;
  throw malformed(`have ${payloadBytes} bytes, more than they may stand for`);
}

/** How many bytes a frame says that it stands for. */
export function decompressedBytes({ payload }: Frame): number {
  return payload.byteLength < PREFIX_BYTES ? 0 : readUint32(payload, 1);
}

/**
 * Decodes the bytes that a frame stands for. Everything is checked before anything is decompressed; so much, and no
 * more, comes out of it. Throws a `MalformedPayloadError`.
 */
export function decodeCompressed({ id, payload }: Frame, decompress: Decompress): Uint8Array {
  if (payload.byteLength < PREFIX_BYTES) throw malformed("are too short");
  if (id !== 0) throw malformed(`have id ${id}, expected 0`);
  const coding = payload[0];
  const count = readUint32(payload, 1);
  const data = payload.subarray(PREFIX_BYTES);
  if (count === 0 || count > COMPRESSED_BYTES_MAX) {
    throw malformed(`stand for ${count} bytes; 1 to ${COMPRESSED_BYTES_MAX} are allowed`);
  }
  if (coding === Coding.plain) {
    if (data.byteLength === count) return data;
    throw malformed(`stand for ${count} bytes as they are, but there are ${data.byteLength}`);
  }
  if (coding !== Coding.zstd) throw malformed(`have the unknown coding ${coding}`);
  if (count < COMPRESSED_BYTES_MIN || data.byteLength >= count) {
    throw malformed(`stand for ${count} bytes, but take ${data.byteLength}`);
  }
  checkZstdFrame(data, WINDOW_BYTES_MAX);
  return decompressed(data, count, decompress);
}

function decompressed(data: Uint8Array, count: number, decompress: Decompress): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = decompress(data, count);
  } catch (cause) {
    throw new MalformedPayloadError(`Compressed bytes are not ${count} bytes of zstd`, { cause });
  }
  if (bytes.byteLength === count) return bytes;
  throw malformed(`stand for ${count} bytes, but are ${bytes.byteLength}`);
}

function malformed(why: string): MalformedPayloadError {
  return new MalformedPayloadError(`Compressed bytes ${why}`);
}
