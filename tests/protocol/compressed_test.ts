/** Compressed bytes: any stream of frames survives them, and nothing else than what they say comes out. */

import assert from "node:assert/strict";
import { constants, zstdCompressSync } from "node:zlib";
import * as protocol from "../../protocol/mod.ts";
import { zstdCompress, zstdDecompress } from "../../runtime/zstd.ts";
import fc from "../lib/properties.ts";
import { runs } from "../lib/random.ts";
import { test } from "../lib/test.ts";
import { anyByte, anyCuts, anyUint64 } from "./arbitraries.ts";
import { assertSameFrames, concat } from "./bytes.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const KIB = 1024;
const { COMPRESSED_BYTES_MAX, COMPRESSED_BYTES_MIN, MessageType } = protocol;

/** Payloads that compress well, and those that do not, small and with memory of their own. */
const anyPayload = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.tuple(anyByte, fc.nat(70 * KIB)).map(([byte, bytes]) => new Uint8Array(bytes).fill(byte)),
).map((bytes) => new Uint8Array(bytes));
const anyFrame = fc.tuple(fc.nat(MessageType.compression), anyUint64, anyPayload).map((
  [type, id, payload],
) => protocol.encodeFrame({ type, id, payload }));

test("a large plain frame inside compressed bytes is refused before it has a place, and all places are given back", () => {
  let places = 0;
  const findPlace = (type: number, bytes: number) => {
    if (type === protocol.MessageType.compressed) return undefined;
    places += 1;
    return { bytes: new Uint8Array(bytes), release: () => void (places -= 1) };
  };
  const outer = new protocol.FrameDecoder({ findPlace });
  const options = { decompress: zstdDecompress, findPlace, onBytes: () => {} };
  const decoder = new protocol.CompressedDecoder(outer, options);
  const large = protocol.encodeFrame({ type: 1, id: 1, payload: new Uint8Array(512 * KIB) });
  const begun = protocol.encodeCompressed(large.subarray(0, 100 * KIB), undefined);
  assert.throws(() => {
    for (let bytes = concat([begun, large]); bytes.byteLength > 0;) {
      const space = decoder.space();
      const part = bytes.subarray(0, space.byteLength);
      space.set(part);
      decoder.commit(part.byteLength);
      bytes = bytes.subarray(part.byteLength);
      while (decoder.next() || decoder.hasMore);
    }
  }, /inside a frame of compressed bytes/);
  decoder.close();
  assert.equal(places, 0);
});

test("frames that come compressed, as they are and plain are the same, however the streams are cut", () => {
  const anyPart = fc.tuple(fc.constantFrom("zstd", "as it is", "plain"), anyCuts);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.array(anyFrame, { maxLength: 4 }), anyPart), { maxLength: 4 }),
      anyCuts,
      (groups, cuts) => {
        const frames = concat(groups.flatMap(([group]) => group));
        const stream = concat(groups.map(([group, [how, cut]]) => sent(concat(group), how, cut)));
        const decoder = decoderOf();
        const found = decoded(decoder, stream, cuts);
        assertSameFrames(found, new protocol.FrameDecoder().feed(frames));
        assert.equal(decoder.heldBytes, 0);
      },
    ),
    runs(30),
  );
});

test("any change of one byte of compressed bytes gives the same bytes, other ones or a ProtocolError, and no more", () => {
  const bytes = new Uint8Array(5_000).map((_, index) => (index * index) >> 7);
  const frame = protocol.encodeCompressed(bytes, zstdCompress(bytes));
  const { payload } = frameOf(frame);
  fc.assert(
    fc.property(fc.nat(payload.byteLength - 1), anyByte, (at, byte) => {
      const changed = payload.slice();
      changed[at] = byte;
      try {
        const found = protocol.decodeCompressed(
          { type: 0x0d, id: 0, payload: changed },
          zstdDecompress,
        );
        assert(found.byteLength <= COMPRESSED_BYTES_MAX);
      } catch (error) {
        assert(error instanceof protocol.ProtocolError, `${error}`);
      }
    }),
    runs(500),
  );
});

test("any bytes as compressed bytes give a value or a ProtocolError", () => {
  const anyData = fc.tuple(fc.nat(3), fc.nat(3_000), fc.uint8Array({ maxLength: 3_000 }));
  fc.assert(
    fc.property(anyData, fc.boolean(), ([coding, count, data], isZstd) => {
      const magic = isZstd ? [0x28, 0xb5, 0x2f, 0xfd] : [];
      const payload = Uint8Array.from([...prefix(coding, count), ...magic, ...data]);
      try {
        protocol.decodeCompressed({ type: 0x0d, id: 0, payload }, zstdDecompress);
      } catch (error) {
        assert(error instanceof protocol.ProtocolError, `${error}`);
      }
    }),
    runs(300),
  );
});

const ZEROS = new Uint8Array(2 * KIB);
const PACKED = zstdCompress(ZEROS);

const REFUSED: Record<string, Bytes> = {
  "no bytes": payloadOf(0, 0, new Uint8Array(0)),
  "more bytes than one frame may stand for": payloadOf(1, COMPRESSED_BYTES_MAX + 1, PACKED),
  "an unknown coding": payloadOf(2, 4, ZEROS.subarray(0, 4)),
  "too few bytes as they are": payloadOf(0, 5, ZEROS.subarray(0, 4)),
  "too many bytes as they are": payloadOf(0, 3, ZEROS.subarray(0, 4)),
  "less than is worth compressing": payloadOf(1, COMPRESSED_BYTES_MIN - 1, PACKED),
  "compressed bytes that are no fewer": payloadOf(1, 2 * KIB, new Uint8Array(2 * KIB)),
  "more in the zstd frame than announced": payloadOf(1, 2 * KIB - 1, PACKED),
  "less in the zstd frame than announced": payloadOf(1, 2 * KIB + 1, PACKED),
  "a zstd frame that is cut off": payloadOf(1, 2 * KIB, PACKED.subarray(0, -1)),
  "bytes behind the zstd frame": payloadOf(1, 2 * KIB, concat([PACKED, new Uint8Array(1)])),
  "two zstd frames": payloadOf(1, 4 * KIB, concat([PACKED, PACKED])),
  "an empty zstd frame behind the first one": payloadOf(
    1,
    2 * KIB,
    concat([PACKED, Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 1, 0, 0])]),
  ),
  "a window of 128 MiB": payloadOf(1, 2 * KIB, withWindow(27)),
  "a dictionary": payloadOf(1, 2 * KIB, withDictionary()),
  "no zstd": payloadOf(1, 2 * KIB, new Uint8Array(20)),
  "a payload without its fields": new Uint8Array(4),
};

for (const [what, payload] of Object.entries(REFUSED)) {
  test(`compressed bytes are refused: ${what}`, () => {
    assert.throws(
      () => protocol.decodeCompressed({ type: 0x0d, id: 0, payload }, zstdDecompress),
      protocol.MalformedPayloadError,
    );
  });
}

test("compressed bytes with an id are refused", () => {
  const payload = payloadOf(1, 2 * KIB, PACKED);
  assert.throws(
    () => protocol.decodeCompressed({ type: 0x0d, id: 1, payload }, zstdDecompress),
    protocol.MalformedPayloadError,
  );
});

test("nothing is decompressed before the length, the window and the end of the frame are checked", () => {
  for (const [what, payload] of Object.entries(REFUSED)) {
    if (/more in|less in/.test(what)) continue; // only a decompressor knows
    assert.throws(
      () => protocol.decodeCompressed({ type: 0x0d, id: 0, payload }, () => assert.fail(what)),
      protocol.MalformedPayloadError,
    );
  }
});

test("compressed bytes in compressed bytes are refused", () => {
  const inner = protocol.encodeCompressed(ZEROS, PACKED);
  assert.throws(
    () => decoded(decoderOf(), protocol.encodeCompressed(inner, undefined), [KIB]),
    /contain compressed bytes/,
  );
});

test("a plain frame inside a frame that comes compressed is refused", () => {
  const ping = protocol.encodePing(1);
  const half = protocol.encodeCompressed(ping.subarray(0, 5), undefined);
  assert.throws(() => decoded(decoderOf(), concat([half, ping]), [KIB]), /plain frame/);
});

test("a payload over the limit is refused before memory is allocated for it, compressed or not", () => {
  const frame = protocol.encodeFrame({ type: 3, id: 7, payload: new Uint8Array(100 * KIB) });
  const decoder = decoderOf(64 * KIB);
  const start = protocol.encodeCompressed(frame.subarray(0, 4 * KIB), undefined);
  assert.throws(() => decoded(decoder, start, [KIB]), protocol.PayloadTooLargeError);
  assert(decoder.allocatedBytes < 2 ** 20);
});

test("a decoder gives way before each frame that has much in it, although one read has brought many of them", () => {
  const part = new Uint8Array(COMPRESSED_BYTES_MAX);
  const zstd = zstdCompress(part);
  const header = protocol.encodeFrame({ type: 3, id: 7, payload: new Uint8Array(0) });
  new DataView(header.buffer).setBigUint64(9, BigInt(8 * part.byteLength), true);
  const parts = Array.from({ length: 8 }, () => protocol.encodeCompressed(part, zstd));
  const stream = concat([protocol.encodeCompressed(header, undefined), ...parts]);
  let bytes = 0;
  const decoder = decoderOf(2 ** 30, (more) => bytes += more);
  assert(stream.byteLength < decoder.space().byteLength);
  decoder.space().set(stream);
  decoder.commit(stream.byteLength);
  let turns = 1;
  let frame = decoder.next();
  for (; decoder.hasMore; turns++) {
    assert(bytes <= KIB + (turns - 1) * COMPRESSED_BYTES_MAX, `${bytes} bytes in ${turns} turns`);
    frame = decoder.next();
  }
  assert.equal(frame?.payload.byteLength, 8 * part.byteLength);
  assert.equal(turns, 9);
});

/** What a side sends of a stream of whole frames. */
function sent(bytes: Bytes, how: string, cuts: readonly number[]): Bytes {
  if (how === "plain") return bytes;
  const parts: Bytes[] = [];
  for (let at = 0, turn = 0; at < bytes.byteLength; turn++) {
    const part = bytes.subarray(at, at + (cuts[turn % cuts.length] ?? 1));
    at += part.byteLength;
    const zstd = zstdCompress(part);
    const isSmaller = part.byteLength >= COMPRESSED_BYTES_MIN && zstd.byteLength < part.byteLength;
    parts.push(protocol.encodeCompressed(part, how === "zstd" && isSmaller ? zstd : undefined));
  }
  return concat(parts);
}

function decoderOf(payloadBytesMax = 2 ** 30, onBytes: (bytes: number) => void = () => {}) {
  const decompress = zstdDecompress;
  return new protocol.CompressedDecoder(new protocol.FrameDecoder({ payloadBytesMax }), {
    decompress,
    payloadBytesMax,
    onBytes,
  });
}

function decoded(
  decoder: protocol.CompressedDecoder,
  bytes: Bytes,
  cuts: readonly number[],
): protocol.Frame[] {
  const frames: protocol.Frame[] = [];
  for (let at = 0, turn = 0; at < bytes.byteLength; turn++) {
    const space = decoder.space();
    const piece = bytes.subarray(
      at,
      at + Math.min(cuts[turn % cuts.length] ?? 1, space.byteLength),
    );
    at += piece.byteLength;
    space.set(piece);
    decoder.commit(piece.byteLength);
    do {
      for (let frame = decoder.next(); frame; frame = decoder.next()) frames.push(frame);
    } while (decoder.hasMore);
  }
  return frames;
}

function prefix(coding: number, count: number): Bytes {
  const bytes = new Uint8Array(5);
  bytes[0] = coding;
  new DataView(bytes.buffer).setUint32(1, count, true);
  return bytes;
}

function payloadOf(coding: number, count: number, data: Uint8Array): Bytes {
  return concat([prefix(coding, count), new Uint8Array(data)]);
}

function frameOf(bytes: Bytes): protocol.Frame {
  return new protocol.FrameDecoder().feed(bytes)[0] as protocol.Frame;
}

function withWindow(log: number): Uint8Array {
  // The size of the content is not in the frame, so that its window is.
  const frame = Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0, (log - 10) << 3]);
  const block = Uint8Array.from([...blockHeader(2 * KIB), 0]);
  return concat([frame, block]);
}

function withDictionary(): Uint8Array {
  return concat([
    Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 1, 0x50, 7]),
    Uint8Array.from([...blockHeader(2 * KIB), 0]),
  ]);
}

/** Of a last block that repeats one byte. */
function blockHeader(bytes: number): number[] {
  const header = (bytes << 3) | 2 | 1;
  return [header & 255, (header >> 8) & 255, header >> 16];
}

test("a frame of other levels, with a checksum and with its size, is taken", () => {
  const bytes = new Uint8Array(50_000).map((_, index) => index / 7);
  for (let level = 1; level <= 12; level++) {
    const zstd = zstdCompressSync(bytes, {
      chunkSize: 2 * bytes.byteLength,
      params: {
        [constants.ZSTD_c_compressionLevel]: level,
        [constants.ZSTD_c_checksumFlag]: level % 2,
        [constants.ZSTD_c_windowLog]: 20,
      },
    });
    const { payload } = frameOf(protocol.encodeCompressed(bytes, zstd));
    const found = protocol.decodeCompressed({ type: 0x0d, id: 0, payload }, zstdDecompress);
    assert.deepEqual(new Uint8Array(found), bytes);
  }
});
