/** Streams of bytes, cut into frames. */

import assert from "node:assert/strict";
import {
  encodeFrame,
  type Frame,
  FrameDecoder,
  HEADER_BYTES,
  PayloadTooLargeError,
  type Uint64,
  writeUint64,
} from "../../protocol/mod.ts";
import fc from "../lib/properties.ts";
import { runs } from "../lib/random.ts";
import { test } from "../lib/test.ts";
import { anyByte, anyCuts, anyUint64, around, recordOf } from "./arbitraries.ts";
import {
  assertSameBytes,
  assertSameFrames,
  concat,
  decodeInPieces,
  pattern,
  takeFrames,
} from "./bytes.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/** The sizes at which the decoder changes where it keeps a payload. */
const anySize = fc.oneof(
  { weight: 4, arbitrary: fc.nat(100) },
  { weight: 2, arbitrary: around(64 * KIB, HEADER_BYTES + 3) },
  { weight: 1, arbitrary: around(256 * KIB, HEADER_BYTES + 3) },
  { weight: 1, arbitrary: fc.nat(300 * KIB) },
);

/** A generated frame, which is short when printed, however large its payload. */
interface FrameSeed {
  readonly type: number;
  readonly id: Uint64;
  readonly size: number;
}

const anyFrame = frameOfSize(anySize);
const anyStream = fc.array(anyFrame, { maxLength: 12 });

test("the decoder gives the same frames however the bytes are cut", () => {
  fc.assert(
    fc.property(anyStream, anyCuts, (seeds, cuts) => {
      const frames = seeds.map(grow);
      const decoder = new FrameDecoder();
      assertSameFrames(decodeInPieces(decoder, encodeAll(frames), cuts), frames);
      assert.equal(decoder.heldBytes, 0);
    }),
    runs(40),
  );
});

test("the decoder gives the same frames one byte at a time", () => {
  const frames = [0, 1, 100, 64 * KIB, 64 * KIB + 1, 3].map((size, id) =>
    grow({ type: 3, id, size })
  );
  assertSameFrames(decodeInPieces(new FrameDecoder(), encodeAll(frames), [1]), frames);
});

test("the decoder gives the same large frames however the bytes are cut", () => {
  const anyLarge = frameOfSize(
    fc.oneof(around(4 * MIB, HEADER_BYTES + 3), around(8 * MIB, 3), fc.nat(9 * MIB)),
  );
  fc.assert(
    fc.property(anyFrame, anyLarge, anyFrame, anyCuts, (before, large, after, cuts) => {
      const frames = [before, large, after].map(grow);
      const wideCuts = cuts.map((size) => size * 50);
      assertSameFrames(decodeInPieces(new FrameDecoder(), encodeAll(frames), wideCuts), frames);
    }),
    runs(8),
  );
});

test("feeding bytes from another buffer gives the same frames", () => {
  fc.assert(
    fc.property(anyStream, anyCuts, (seeds, cuts) => {
      const frames = seeds.map(grow);
      const bytes = encodeAll(frames);
      const decoder = new FrameDecoder();
      const fed: Frame[] = [];
      for (let at = 0, turn = 0; at < bytes.byteLength; turn++) {
        const size = cuts[turn % cuts.length] ?? 1;
        fed.push(...decoder.feed(bytes.slice(at, at + size)));
        at += size;
      }
      assertSameFrames(fed, frames);
    }),
    runs(40),
  );
});

test("the space for new bytes never overlaps a payload that was returned", () => {
  fc.assert(
    fc.property(anyStream, anyCuts, (seeds, cuts) => {
      const bytes = encodeAll(seeds.map(grow));
      const decoder = new FrameDecoder();
      const given: Frame[] = [];
      for (let at = 0, turn = 0; at < bytes.byteLength; turn++) {
        const size = cuts[turn % cuts.length] ?? 1;
        given.push(...decodeInPieces(decoder, bytes.subarray(at, at + size), [size]));
        at += size;
        const space = decoder.space();
        assert(!given.some(({ payload }) => overlap(payload, space)));
      }
    }),
    runs(40),
  );
});

test("a payload that was returned stays unchanged while megabytes follow", () => {
  const frames = [10, 64 * KIB, 64 * KIB + 1, 5 * MIB].map((size, id) =>
    grow({ type: 3, id, size })
  );
  const decoder = new FrameDecoder();
  const given = decodeInPieces(decoder, encodeAll(frames), [100 * KIB]);
  for (let i = 0; i < 100; i++) {
    const space = decoder.space().fill(0xee);
    decodeInPieces(decoder, encodeFrame({ type: 3, id: i, payload: space.slice(0, 50 * KIB) }), [
      7_000,
    ]);
  }
  assertSameFrames(given, frames);
});

test("a stream that is cut anywhere gives its whole frames, and the rest is held", () => {
  fc.assert(
    fc.property(anyStream, fc.nat(2 * MIB), anyCuts, (seeds, anyCut, cuts) => {
      const frames = seeds.map(grow);
      const bytes = encodeAll(frames);
      const cut = Math.min(anyCut, bytes.byteLength);
      const whole: Frame[] = [];
      let heldBytes = cut;
      for (const frame of frames) {
        const frameBytes = HEADER_BYTES + frame.payload.byteLength;
        if (heldBytes < frameBytes) break;
        heldBytes -= frameBytes;
        whole.push(frame);
      }
      const decoder = new FrameDecoder();
      assertSameFrames(decodeInPieces(decoder, bytes.subarray(0, cut), cuts), whole);
      assert.equal(decoder.heldBytes, heldBytes);
    }),
    runs(40),
  );
});

test("a frame is returned with its last byte and not before", () => {
  for (const size of [0, 1, 64 * KIB, 64 * KIB + 1, 4 * MIB, 4 * MIB + 1]) {
    const frame = grow({ type: 3, id: 1, size });
    const bytes = encodeFrame(frame);
    const decoder = new FrameDecoder();
    assert.deepEqual(decodeInPieces(decoder, bytes.subarray(0, -1), [Infinity]), []);
    assertSameFrames(decodeInPieces(decoder, bytes.subarray(-1), [1]), [frame]);
  }
});

const overLimit: readonly { limit: number; payloadBytes: Uint64 }[] = [
  { limit: 0, payloadBytes: 1 },
  { limit: 1_000, payloadBytes: 1_001 },
  { limit: GIB, payloadBytes: 2 ** 32 },
  { limit: GIB, payloadBytes: Number.MAX_SAFE_INTEGER },
  { limit: GIB, payloadBytes: 2n ** 53n },
  { limit: Number.MAX_SAFE_INTEGER, payloadBytes: 2n ** 53n },
  { limit: GIB, payloadBytes: 2n ** 63n },
  { limit: GIB, payloadBytes: 2n ** 64n - 1n },
];

for (const { limit, payloadBytes } of overLimit) {
  test(`a payload of ${payloadBytes} bytes is refused under a limit of ${limit}`, () => {
    const decoder = new FrameDecoder({ payloadBytesMax: limit });
    assert.throws(
      () => decoder.feed(header({ id: 2n ** 64n - 1n, payloadBytes })),
      new PayloadTooLargeError(2n ** 64n - 1n, payloadBytes, limit),
    );
  });
}

test("a payload of exactly the limit is accepted, and one byte more is refused", () => {
  for (const limit of [0, 1, 1_000, 64 * KIB, 64 * KIB + 1, 5 * MIB]) {
    const decoder = new FrameDecoder({ payloadBytesMax: limit });
    const frame = grow({ type: 1, id: 1, size: limit });
    assertSameFrames(decoder.feed(encodeFrame(frame)), [frame]);
    assert.throws(() => decoder.feed(header({ payloadBytes: limit + 1 })), PayloadTooLargeError);
  }
});

test("the default limit is 1 GiB", () => {
  assert.deepEqual(new FrameDecoder().feed(header({ payloadBytes: GIB })), []);
  assert.throws(
    () => new FrameDecoder().feed(header({ payloadBytes: GIB + 1 })),
    PayloadTooLargeError,
  );
});

test("a refusal allocates nothing", () => {
  const decoder = new FrameDecoder();
  const before = decoder.space();
  before.set(header({ payloadBytes: 2n ** 64n - 1n }));
  decoder.commit(HEADER_BYTES);
  assert.throws(() => decoder.next(), PayloadTooLargeError);
  const after = decoder.space();
  assert.equal(after.buffer, before.buffer);
  assert.equal(after.byteLength, before.byteLength - HEADER_BYTES);
  assert.equal(decoder.heldBytes, HEADER_BYTES);
});

test("after a refusal every further call is refused, whatever bytes follow", () => {
  const decoder = new FrameDecoder({ payloadBytesMax: 10 });
  assert.throws(() => decoder.feed(header({ id: 5, payloadBytes: 11 })), { id: 5 });
  assert.throws(() => decoder.next(), { id: 5 });
  assert.throws(() => decoder.next(), { id: 5 });
  const harmless = encodeFrame(grow({ type: 1, id: 6, size: 1 }));
  for (let i = 0; i < 50; i++) assert.throws(() => decoder.feed(harmless), { id: 5 });
});

test("the frames before a refused one are returned first", () => {
  const frames = [1, 2].map((id) => grow({ type: 3, id, size: 9 }));
  const decoder = new FrameDecoder({ payloadBytesMax: 10 });
  const bytes = concat([encodeAll(frames), header({ id: 3, payloadBytes: 11 })]);
  decoder.space().set(bytes);
  decoder.commit(bytes.byteLength);
  const given = frames.map(() => decoder.next()).filter((frame) => frame !== undefined);
  assertSameFrames(given, frames);
  assert.throws(() => decoder.next(), { id: 3 });
});

test("a header is not checked before it is whole", () => {
  const decoder = new FrameDecoder();
  assert.deepEqual(decoder.feed(header({ payloadBytes: 2n ** 64n - 1n }).subarray(0, -1)), []);
  assert.equal(decoder.heldBytes, HEADER_BYTES - 1);
});

test("an announced payload takes little more than 1 MiB, or twice what has arrived of it if that is more", () => {
  const decoder = new FrameDecoder();
  decoder.feed(header({ payloadBytes: GIB }));
  decoder.feed(pattern(10));
  assert.equal(decoder.heldBytes, HEADER_BYTES + 10);
  assert(decoder.space().buffer.byteLength < 1.1 * MIB);

  while (decoder.heldBytes < 60 * MIB) {
    const space = decoder.space();
    const come = decoder.heldBytes - HEADER_BYTES;
    assert(space.buffer.byteLength <= Math.max(1.1 * MIB, 2 * come));
    decoder.commit(Math.min(space.byteLength, MIB));
    assert.deepEqual(takeFrames(decoder), []);
  }
});

test("a payload that grows is moved only when its memory doubles", () => {
  const payloadBytes = 64 * MIB;
  const decoder = new FrameDecoder();
  decoder.feed(header({ payloadBytes }));
  const buffers = new Set<ArrayBuffer>();
  let frame: Frame | undefined;
  while (!frame) {
    const space = decoder.space();
    buffers.add(space.buffer);
    decoder.commit(Math.min(space.byteLength, MIB));
    frame = decoder.next();
  }
  assert.equal(frame.payload.byteLength, payloadBytes);
  assert(totalBytes(buffers) < 2 * payloadBytes + MIB);
});

test("while the memory of a payload is moved, old and new together are at most one and a half times the payload", () => {
  for (const payloadBytes of [2 * MIB, 9 * MIB, 40 * MIB, 64 * MIB]) {
    const decoder = new FrameDecoder();
    decoder.feed(header({ payloadBytes }));
    let before = 0;
    let filled = 0;
    while (!decoder.next()) {
      const space = decoder.space();
      const { byteLength } = space.buffer;
      if (byteLength !== before) assert(before + byteLength <= 1.5 * payloadBytes + MIB);
      assert(byteLength <= Math.max(1.1 * MIB, 2.6 * filled), `${byteLength} for ${filled}`);
      before = byteLength;
      const read = Math.min(space.byteLength, MIB);
      decoder.commit(read);
      filled += read;
    }
  }
});

test("memory and copies stay within twice the stream, whatever the frames and the reads", () => {
  for (const size of [0, 100, 32 * KIB, 60 * KIB, 64 * KIB, 64 * KIB + 1, 100 * KIB, MIB]) {
    const frame = grow({ type: 3, id: 1, size });
    const stream = encodeAll(Array(Math.ceil(8 * MIB / (size + 1_000))).fill(frame));
    for (const readBytes of [1_000, 50_000, Infinity]) {
      const allocated = totalBytes(buffersFor(stream, readBytes));
      assert(
        allocated <= 2 * stream.byteLength + MIB,
        `${allocated} bytes for ${stream.byteLength} of ${size}, read by ${readBytes}`,
      );
    }
  }
});

test("a new decoder holds no bytes and has room for many frames in one read", () => {
  const decoder = new FrameDecoder();
  assert.equal(decoder.next(), undefined);
  assert.equal(decoder.heldBytes, 0);
  assert(decoder.space().byteLength >= 64 * KIB);
});

test("memory for what arrives grows where reads fill it, and not where they bring little", () => {
  const [little, much] = [new FrameDecoder(), new FrameDecoder()];
  const frames = (count: number) =>
    concat(Array.from({ length: count }, (_, id) => encodeFrame(grow({ type: 3, id, size: 100 }))));
  for (let read = 0; read < 100; read++) little.feed(frames(20));
  assert(little.allocatedBytes < 72 * KIB, `${little.allocatedBytes}`);
  much.feed(frames(10_000));
  assert.equal(much.allocatedBytes, 256 * KIB);
});

test("a payload of up to 64 KiB is not copied after it was read", () => {
  const decoder = new FrameDecoder();
  const space = decoder.space();
  const frame = grow({ type: 3, id: 1, size: 64 * KIB });
  space.set(encodeFrame(frame));
  decoder.commit(HEADER_BYTES + 64 * KIB);
  const given = decoder.next();
  assert.equal(given?.payload.buffer, space.buffer);
  assertSameBytes(given?.payload ?? new Uint8Array(0), frame.payload);
});

function frameOfSize(size: fc.Arbitrary<number>): fc.Arbitrary<FrameSeed> {
  return recordOf({ type: anyByte, id: anyUint64, size });
}

function grow({ type, id, size }: FrameSeed): Frame {
  return { type, id, payload: pattern(size, type + Number(id) % 1_000) };
}

function encodeAll(frames: readonly Frame[]): Uint8Array<ArrayBuffer> {
  return concat(frames.map(encodeFrame));
}

/** The header of a frame whose payload never arrives. */
function header(
  { type = 3, id = 1, payloadBytes }: { type?: number; id?: Uint64; payloadBytes: Uint64 },
): Uint8Array<ArrayBuffer> {
  const bytes = Uint8Array.of(type, ...new Uint8Array(16));
  writeUint64(new DataView(bytes.buffer), 1, id);
  writeUint64(new DataView(bytes.buffer), 9, payloadBytes);
  return bytes;
}

/**
 * All memory that the decoder reads `stream` into. What it moves goes into new memory, so this bounds
 * the bytes that it copies as well.
 */
function buffersFor(stream: Uint8Array, readBytes: number): Set<ArrayBuffer> {
  const decoder = new FrameDecoder();
  const buffers = new Set<ArrayBuffer>();
  for (let at = 0; at < stream.byteLength;) {
    const space = decoder.space();
    buffers.add(space.buffer);
    const piece = stream.subarray(at, at + Math.min(readBytes, space.byteLength));
    space.set(piece);
    decoder.commit(piece.byteLength);
    at += piece.byteLength;
    for (const frame of takeFrames(decoder)) buffers.add(frame.payload.buffer);
  }
  assert.equal(decoder.heldBytes, 0);
  return buffers;
}

function totalBytes(buffers: Iterable<ArrayBuffer>): number {
  return [...buffers].reduce((total, buffer) => total + buffer.byteLength, 0);
}

function overlap(a: Uint8Array, b: Uint8Array): boolean {
  return a.buffer === b.buffer && a.byteOffset < b.byteOffset + b.byteLength &&
    b.byteOffset < a.byteOffset + a.byteLength;
}

test("a large payload that is given up is skipped, and the frames behind it come as before", () => {
  const large = { type: 1, id: 7, payload: new Uint8Array(700 * KIB) };
  const next = { type: 1, id: 8, payload: Uint8Array.of(1, 2, 3) };
  const bytes = concat([encodeFrame(large), encodeFrame(next), encodeFrame(next)]);
  for (const pieceBytes of [1_000, 64 * KIB, 300 * KIB]) {
    const decoder = new FrameDecoder();
    const frames: Frame[] = [];
    for (let at = 0; at < bytes.byteLength; at += pieceBytes) {
      frames.push(...decoder.feed(bytes.subarray(at, at + pieceBytes)));
      if (decoder.arriving && decoder.arriving.filled > 100 * KIB) {
        assert.equal(decoder.arriving.id, 7);
        decoder.discardArriving();
        assert(decoder.heldBytes > 100 * KIB, "an incomplete frame, as before");
        assert.equal(decoder.arriving, undefined);
      }
    }
    assertSameFrames(frames, [next, next]);
    assert.equal(decoder.heldBytes, 0);
  }
});

test("a large payload goes to its place, however the bytes are cut", () => {
  const payloads = [100_000, 2_000_000, 70_000, 65_537].map((size) =>
    new Uint8Array(size).fill(size)
  );
  const frames = payloads.map((payload, id) => ({ type: id % 2, id, payload }));
  const cuts = [[1], [65_536], [17, 1], [100_003], [3_000_000]];
  for (const wideCuts of cuts) {
    const places: Uint8Array[] = [];
    const decoder = new FrameDecoder({
      findPlace: (type, bytes) => {
        if (type === 0) return undefined;
        places.push(new Uint8Array(bytes));
        return {
          bytes: places.at(-1) as Uint8Array<ArrayBuffer>,
          release: () => assert.fail("kept"),
        };
      },
    });
    const decoded = decodeInPieces(decoder, encodeAll(frames), wideCuts);
    assertSameFrames(decoded, frames);
    for (const { type, payload } of decoded) {
      if (type === 1 && payload.byteLength > 256 * KIB) assert(places.includes(payload));
    }
    decoder.close();
  }
});

test("the place of a payload that does not arrive is released once, when the stream has ended", () => {
  const released: string[] = [];
  const findPlace = () => ({
    bytes: new Uint8Array(GIB / 8),
    release: () => released.push("place"),
  });
  const decoder = new FrameDecoder({ findPlace });
  assert.deepEqual(decoder.feed(header({ payloadBytes: GIB / 8 })), []);
  decoder.feed(new Uint8Array(1000));
  assert(decoder.allocatedBytes < 300 * 1024, "it takes memory only as it arrives");
  decoder.discardArriving();
  assert.deepEqual(released, [], "a read may be under way");
  decoder.close();
  decoder.close();
  assert.deepEqual(released, ["place"]);
});

test("where large reads are limited, the first large payload is read in small parts, and further ones up to the limit", () => {
  const limits = { bytesMax: Infinity };
  const decoder = new FrameDecoder({ largeReadBytesMax: () => limits.bytesMax });
  const frame = encodeFrame({ type: 1, id: 1, payload: new Uint8Array(900 * KIB) });
  const reads = () => {
    decoder.space().set(frame.subarray(0, HEADER_BYTES));
    decoder.commit(HEADER_BYTES);
    const sizes: number[] = [];
    for (let left = 900 * KIB; !decoder.next();) {
      const { byteLength } = decoder.space();
      sizes.push(byteLength);
      decoder.commit(Math.min(byteLength, left));
      left -= byteLength;
    }
    return sizes;
  };
  assert.equal(decoder.space().byteLength, 4 * KIB, "a header, and little behind it");
  const first = reads();
  assert.equal(first[0], 64 * KIB);
  assert(first.every((bytes) => bytes <= 900 * KIB / 8), `${first}`);
  assert.deepEqual(reads(), [900 * KIB + HEADER_BYTES], "it is read whole, with the next header");
  limits.bytesMax = 300 * KIB;
  assert.deepEqual(reads(), [300, 300, 300].map((kib) => kib * KIB));
});
