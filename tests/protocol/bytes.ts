/** Bytes for the tests of the protocol: written as hex, made from a seed, compared, and cut. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  encodeFrame,
  encodeStringAndBlob,
  type Frame,
  FrameDecoder,
  type JobResult,
  MessageType,
  ResponseType,
  type Uint64,
} from "../../protocol/mod.ts";
import { PayloadWriter } from "../../protocol/payload.ts";

export function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex"));
}

export function toHex(bytes: Uint8Array): string {
  return asBuffer(bytes).toString("hex");
}

/** `size` bytes that differ from place to place and from seed to seed, so that a misplaced copy shows. */
export function pattern(size: number, seed = 0): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(size / 4));
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i + 1 + seed * 7_919, 2_654_435_761);
  return new Uint8Array(words.buffer, 0, size);
}

export function concat(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(pieces));
}

/** Byte for byte, and fast enough for megabytes; a difference is reported by its place. */
export function assertSameBytes(actual: Uint8Array, expected: Uint8Array, what = "bytes"): void {
  if (asBuffer(actual).equals(asBuffer(expected))) return;
  assert.equal(actual.byteLength, expected.byteLength, `${what}: length`);
  const at = actual.findIndex((byte, i) => byte !== expected[i]);
  assert.fail(`${what}: byte ${at} is ${actual[at]}, expected ${expected[at]}`);
}

/** A whole "new compute core" message in one piece. The controller writes the core without a copy instead. */
export function coreMessage(
  id: Uint64,
  name: string,
  content: Uint8Array,
): Uint8Array<ArrayBuffer> {
  return encodeFrame({ type: MessageType.core, id, payload: encodeStringAndBlob(name, content) });
}

/** A whole job message. */
export function encodeJob(id: Uint64, job: Uint64, input: Uint8Array): Uint8Array<ArrayBuffer> {
  const payload = new PayloadWriter().uint64(job).blob(input).bytes();
  return encodeFrame({ type: MessageType.job, id, payload });
}

/** A whole successful response to a job message. */
export function encodeJobResponse(
  id: Uint64,
  { exitCode, output }: JobResult,
): Uint8Array<ArrayBuffer> {
  const payload = new PayloadWriter().uint32(exitCode).blob(output).bytes();
  return encodeFrame({ type: ResponseType.ok, id, payload });
}

/** The one form that the protocol code uses for this value. */
export function toUint64(value: bigint): Uint64 {
  return value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

/** Checks that frames are equal, and compares their payloads fast. */
export function assertSameFrames(actual: readonly Frame[], expected: readonly Frame[]): void {
  assert.deepEqual(actual.map(headerOf), expected.map(headerOf));
  for (const [i, frame] of expected.entries()) {
    assertSameBytes(actual[i]?.payload ?? new Uint8Array(0), frame.payload, `payload ${i}`);
  }
}

/** Reads like a link: into the decoder's space, in pieces of `sizes` bytes in turn, taking all frames after each. */
export function decodeInPieces(
  decoder: FrameDecoder,
  bytes: Uint8Array,
  sizes: readonly number[],
): Frame[] {
  const frames: Frame[] = [];
  for (let taken = 0, turn = 0; taken < bytes.byteLength; turn++) {
    const space = decoder.space();
    assert.notEqual(space.byteLength, 0, "the decoder offers no space");
    const size = Math.min(sizes[turn % sizes.length] ?? 1, space.byteLength);
    const piece = bytes.subarray(taken, taken + size);
    space.set(piece);
    decoder.commit(piece.byteLength);
    taken += piece.byteLength;
    frames.push(...takeFrames(decoder));
  }
  return frames;
}

export function takeFrames(decoder: FrameDecoder): Frame[] {
  const frames: Frame[] = [];
  for (let frame = decoder.next(); frame; frame = decoder.next()) frames.push(frame);
  return frames;
}

/** The single frame in `bytes`. */
export function onlyFrame(bytes: Uint8Array): Frame {
  const decoder = new FrameDecoder();
  const [frame, ...others] = decoder.feed(bytes);
  assert(frame, "not a whole frame");
  assert.deepEqual([...others, ...takeFrames(decoder)], []);
  assert.equal(decoder.heldBytes, 0);
  return frame;
}

function headerOf(frame: Frame) {
  return { type: frame.type, id: frame.id, payloadBytes: frame.payload.byteLength };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
