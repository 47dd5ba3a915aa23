/** With the end of a large payload, the decoder reads the header of the next frame: its payload then needs no copy. */

import assert from "node:assert/strict";
import {
  encodeFrame,
  type FindPlace,
  type Frame,
  FrameDecoder,
  HEADER_BYTES,
  type PayloadPlace,
} from "../../protocol/mod.ts";
import fc from "../lib/properties.ts";
import { test } from "../lib/test.ts";
import { anyCuts, around, recordOf } from "./arbitraries.ts";
import { assertSameFrames, concat, decodeInPieces, pattern, takeFrames } from "./bytes.ts";

const KIB = 1024;
const LARGE = 100 * KIB;
/** What lies behind the room for a header. */
const BEHIND_BYTES = 50;

/** Places whose memory goes on behind the room for a header. */
class Places {
  readonly all: (PayloadPlace & { readonly whole: Uint8Array })[] = [];
  released = 0;

  readonly find: FindPlace = (type, payloadBytes) => {
    if (type === 0) return undefined;
    const whole = new Uint8Array(payloadBytes + HEADER_BYTES + BEHIND_BYTES);
    const place = {
      whole,
      bytes: whole.subarray(0, payloadBytes),
      withHeader: whole.subarray(0, payloadBytes + HEADER_BYTES),
      release: () => void (this.released += 1),
    };
    this.all.push(place);
    return place;
  };

  assertZerosBehind(): void {
    for (const { whole, bytes } of this.all) {
      assert(whole.subarray(bytes.byteLength).every((byte) => byte === 0));
    }
  }
}

const anySize = fc.oneof(
  fc.nat(100),
  around(32 * KIB, HEADER_BYTES + 3),
  around(64 * KIB, HEADER_BYTES + 3),
  fc.nat(300 * KIB),
);

test("frames with places are the same however the bytes are cut, and zeros are behind them", () => {
  const anyStream = fc.array(recordOf({ type: fc.nat(2), size: anySize }), { maxLength: 12 });
  // Cuts at the end of a payload, and inside the header behind it, are the ones that matter.
  const anyReads = fc.oneof(anyCuts, fc.array(around(32 * KIB, 40), { minLength: 1 }));
  fc.assert(fc.property(anyStream, anyReads, (seeds, reads) => {
    const frames = seeds.map(({ type, size }, id) => ({ type, id, payload: pattern(size, id) }));
    const places = new Places();
    const decoder = new FrameDecoder({ findPlace: places.find });
    assertSameFrames(decodeInPieces(decoder, concat(frames.map(encodeFrame)), reads), frames);
    assert.equal(decoder.heldBytes, 0);
    places.assertZerosBehind();
    assert.equal(places.released, 0);
  }));
});

test("of a stream of large payloads, each is read at once, and to its place from its first byte on", () => {
  const places = new Places();
  const decoder = new FrameDecoder({ findPlace: places.find });
  const frames = Array.from({ length: 20 }, (_, id) => hugeFrame(id));
  const stream = concat(frames.map(encodeFrame));
  const decoded: Frame[] = [];
  let reads = 0;
  for (let at = 0; at < stream.byteLength; reads++) {
    const space = decoder.space();
    const part = stream.subarray(at, at + space.byteLength);
    space.set(part);
    decoder.commit(part.byteLength);
    at += part.byteLength;
    decoded.push(...takeFrames(decoder));
  }
  assertSameFrames(decoded, frames);
  assert(reads <= frames.length + 1, `${reads} reads`);
  // The first read brings more than one frame: nobody knows what comes.
  const placed = decoded.filter(({ payload }) => places.all.some(({ bytes }) => bytes === payload));
  assert(
    placed.length >= frames.length - 2,
    `${placed.length} of ${frames.length} in their places`,
  );
});

test("nothing but a header is read to behind a payload, whatever the next frame has", () => {
  const places = new Places();
  const decoder = new FrameDecoder({ findPlace: places.find });
  decoder.feed(encodeFrame(hugeFrame(1)).subarray(0, HEADER_BYTES));
  const space = decoder.space();
  assert.equal(space.byteLength, LARGE + HEADER_BYTES);
  const secret = encodeFrame({ type: 2, id: 9, payload: pattern(500) });
  space.set(concat([hugeFrame(1).payload, secret.subarray(0, HEADER_BYTES)]));
  decoder.commit(space.byteLength);
  places.assertZerosBehind();
  assertSameFrames(takeFrames(decoder), [hugeFrame(1)]);
  assert.equal(decoder.heldBytes, HEADER_BYTES);
  assertSameFrames(decoder.feed(secret.subarray(HEADER_BYTES)), [
    { type: 2, id: 9, payload: pattern(500) },
  ]);
});

test("a payload that is given up while it is read, with the next header, is skipped", () => {
  const places = new Places();
  const decoder = new FrameDecoder({ findPlace: places.find });
  const [first, second] = [hugeFrame(1), hugeFrame(2)];
  decoder.feed(encodeFrame(first).subarray(0, HEADER_BYTES));
  const space = decoder.space();
  decoder.discardArriving(); // the read is under way
  space.set(concat([first.payload, encodeFrame(second).subarray(0, HEADER_BYTES)]));
  decoder.commit(space.byteLength);
  places.assertZerosBehind();
  assert.deepEqual(takeFrames(decoder), []);
  assert.equal(places.released, 1);
  assertSameFrames(decoder.feed(second.payload), [second]);
});

test("zeros are behind a payload whose connection ends before its last read is handled", () => {
  const places = new Places();
  const decoder = new FrameDecoder({ findPlace: places.find });
  decoder.feed(encodeFrame(hugeFrame(1)).subarray(0, HEADER_BYTES));
  const next = encodeFrame(hugeFrame(2)).subarray(0, HEADER_BYTES);
  decoder.space().set(concat([hugeFrame(1).payload, next]));
  decoder.close();
  places.assertZerosBehind();
  assert.equal(places.released, 1);
});

test("memory for reads is used again as long as no frame is in it", () => {
  const decoder = new FrameDecoder({ findPlace: new Places().find });
  const buffers = new Set<ArrayBuffer>();
  for (let id = 0; id < 500; id++) {
    const frame = encodeFrame(hugeFrame(id));
    const space = decoder.space();
    buffers.add(space.buffer);
    space.set(frame.subarray(0, 4 * KIB));
    decoder.commit(4 * KIB);
    assert.deepEqual(takeFrames(decoder), []);
    decoder.feed(frame.subarray(4 * KIB));
  }
  assert.equal(buffers.size, 1);
});

function hugeFrame(id: number): Frame {
  return { type: 1, id, payload: pattern(LARGE, id) };
}
