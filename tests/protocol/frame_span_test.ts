/** Small frames where they have arrived. */

import assert from "node:assert/strict";
import { CompressedDecoder } from "../../protocol/compressed_decoder.ts";
import { encodeCompressed } from "../../protocol/compressed.ts";
import { encodeFrame } from "../../protocol/frame.ts";
import { FrameDecoder } from "../../protocol/frame_decoder.ts";
import { FrameWriter } from "../../protocol/frame_writer.ts";
import { test } from "../lib/test.ts";

const KIB = 1024;
const MAX_ID = 2n ** 64n - 1n;

test("a small frame is seen where it has arrived, again and again until it is skipped", () => {
  const decoder = new FrameDecoder();
  read(decoder, frame(1, 7, 3), frame(2, MAX_ID, 0), frame(3, 9, 5));
  const span = decoder.peek();
  assert.deepEqual([span?.type, span?.id, span?.payload], [1, 7, payloadOf(3)]);
  assert.equal(decoder.peek()?.id, 7);
  decoder.skip();
  assert.deepEqual([decoder.peek()?.id, decoder.peek()?.byteLength], [MAX_ID, 0]);
  assert.equal(decoder.next()?.id, MAX_ID, "it may also be taken as a frame");
  assert.deepEqual(decoder.peek()?.payload, payloadOf(5));
  decoder.skip();
  assert.equal(decoder.peek(), undefined);
  assert.equal(decoder.next(), undefined);
  assert.equal(decoder.heldBytes, 0);
});

test("a frame that is large, over the limit or not whole is not seen in this way", () => {
  const decoder = new FrameDecoder({ payloadBytesMax: 40 * KIB });
  const whole = frame(1, 1, 32 * KIB);
  for (let at = 0; at < whole.byteLength; at += 5 * KIB) {
    assert.equal(decoder.peek(), undefined);
    read(decoder, whole.subarray(at, at + 5 * KIB));
  }
  assert.equal(decoder.peek()?.byteLength, 32 * KIB);
  decoder.skip();

  read(decoder, frame(1, 2, 33 * KIB));
  assert.equal(decoder.peek(), undefined);
  assert.equal(decoder.next()?.id, 2);

  const strict = new FrameDecoder({ payloadBytesMax: 10 });
  read(strict, frame(1, 3, 11));
  assert.equal(strict.peek(), undefined);
  assert.throws(() => strict.next(), /11 bytes/);
});

test("what frames keep is not overwritten by what comes after skipped ones", () => {
  const kept = keptBehindSkipped((decoder) => decoder.next()?.payload);
  for (const [round, payload] of kept.entries()) {
    assert.deepEqual(payload, new Uint8Array(200).fill(round));
  }
});

test("what is kept of a skipped frame is not overwritten either", () => {
  const kept = keptBehindSkipped((decoder) => {
    const part = decoder.peek()?.keep(50);
    decoder.skip();
    return part;
  });
  for (const [round, part] of kept.entries()) {
    assert.deepEqual(part, new Uint8Array(150).fill(round));
  }
});

test("skipped frames need no memory but the first", () => {
  const decoder = new FrameDecoder();
  const buffers = new Set<ArrayBuffer>();
  for (let round = 0; round < 2_000; round++) {
    read(decoder, frame(1, round, 500));
    buffers.add(decoder.peek()?.bytes.buffer as ArrayBuffer);
    decoder.skip();
  }
  assert.equal(buffers.size, 1);
});

test("a frame is relayed from where it has arrived, whole or from a byte on", () => {
  const decoder = new FrameDecoder();
  const writer = new FrameWriter();
  for (const bytes of [0, 1, 64, 32 * KIB]) {
    read(decoder, frame(1, 5, bytes));
    const span = decoder.peek() ?? assert.fail("no frame");
    writer.relay(8, 6, span, 0);
    writer.relay(9, 7, span, Math.min(bytes, 40));
    decoder.skip();
    read(decoder, frame(0, 0, 32 * KIB)); // the buffer has other bytes now
    decoder.peek();
    decoder.skip();
    const sent = new FrameDecoder();
    for (let piece = writer.take(); piece; piece = writer.take()) read(sent, piece);
    assert.deepEqual(sent.next(), { type: 8, id: 6, payload: payloadOf(bytes) });
    assert.deepEqual(sent.next(), { type: 9, id: 7, payload: payloadOf(bytes).subarray(40) });
  }
});

test("frames that come compressed are not seen in this way, nor is a frame of compressed bytes", () => {
  const decompress = () => assert.fail("nothing is compressed in earnest");
  const decoder = new CompressedDecoder(new FrameDecoder(), { decompress, onBytes: () => {} });
  const both = concat(frame(1, 2, 5), frame(1, 3, 5));
  read(decoder, frame(1, 1, 5), encodeCompressed(both, undefined), frame(1, 4, 5));
  assert.equal(decoder.peek()?.id, 1);
  decoder.skip();
  assert.equal(decoder.peek(), undefined);
  assert.equal(decoder.next()?.id, 2);
  assert.equal(decoder.peek(), undefined, "first comes the other one of the compressed bytes");
  assert.equal(decoder.next()?.id, 3);
  assert.equal(decoder.peek()?.id, 4);
});

/** What is taken of frames with 200 bytes, each of which comes with another frame that is skipped. */
function keptBehindSkipped(take: (decoder: FrameDecoder) => Uint8Array | undefined): Uint8Array[] {
  const decoder = new FrameDecoder();
  return Array.from({ length: 2_000 }, (_, round) => {
    read(decoder, frame(1, round, 100), filled(2, round, 200));
    decoder.peek();
    decoder.skip();
    return take(decoder) ?? assert.fail("no frame");
  });
}

function payloadOf(bytes: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: bytes }, (_, index) => index % 251);
}

function frame(type: number, id: number | bigint, bytes: number): Uint8Array<ArrayBuffer> {
  return encodeFrame({ type, id, payload: payloadOf(bytes) });
}

/** A frame whose payload tells its number. */
function filled(type: number, id: number, bytes: number): Uint8Array<ArrayBuffer> {
  return encodeFrame({ type, id, payload: new Uint8Array(bytes).fill(id) });
}

function concat(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function read(decoder: Pick<FrameDecoder, "space" | "commit">, ...parts: Uint8Array[]): void {
  for (const part of parts) {
    for (let at = 0; at < part.byteLength;) {
      const space = decoder.space();
      const taken = part.subarray(at, at + space.byteLength);
      space.set(taken);
      decoder.commit(taken.byteLength);
      at += taken.byteLength;
    }
  }
}
