/** Bytes of any kind as a stream of frames, and as payloads. */

import assert from "node:assert/strict";
import * as protocol from "../../protocol/mod.ts";
import fc from "../lib/properties.ts";
import { runs } from "../lib/random.ts";
import { test } from "../lib/test.ts";
import { anyBlob, anyByte, anyCuts, anyUint64 } from "./arbitraries.ts";
import { assertSameFrames, concat } from "./bytes.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const KIB = 1024;
const MIB = 1024 * KIB;

/** The first allocation for an announced payload, and twice what has arrived, beside a chunk of small frames. */
const ALLOCATED_BYTES_MAX = 4 * MIB;

/** Payload lengths: right, near the limit, and absurd. */
const LIMIT = 1000;
const anyLength = fc.oneof(
  fc.nat(30),
  fc.integer({ min: LIMIT - 2, max: LIMIT + 2 }),
  anyUint64,
);

/** Pieces of a stream: frames, headers with any length, and bytes without any meaning. */
const anyPiece = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(anyByte, anyUint64, anyBlob).map(wholeFrame) },
  { weight: 1, arbitrary: fc.tuple(anyByte, anyUint64, anyLength).map(onlyHeader) },
  { weight: 1, arbitrary: anyBlob },
);
const anyStream = fc.array(anyPiece, { maxLength: 8 }).map(concat);

/** Fields of payloads of any length, right or wrong. */
const anyPayload = fc.array(
  fc.oneof(fc.oneof(fc.nat(40), anyUint64).map((value) => uint64(value)), anyBlob),
  { maxLength: 7 },
).map(concat);

/** Each decoder of a payload, and what it gives. */
const DECODERS: Record<string, (payload: Bytes) => unknown> = {
  "a message": (payload) => messages(payload, protocol.decodeMessage),
  "a message of version 2": (payload) => messages(payload, protocol.decodeMessage2),
  "a job": protocol.checkJob,
  "a limited job": protocol.readLimitedJob,
  "a version response": protocol.decodeVersionResponse,
  "a core response": protocol.decodeCoreResponse,
  "a job response": protocol.decodeJobResponse,
  "an error": protocol.decodeError,
  "a description": protocol.decodeDescription,
  "a choose response": protocol.decodeChooseResponse,
  "a setup response": protocol.decodeSetupResponse,
  "a worker's load": protocol.decodeWorkerLoad,
  "an empty payload": protocol.decodeNothing,
  "an error with a kind": protocol.decodeKindError,
};

test("any bytes, in any pieces, give the frames that they spell, up to a length over the limit", () => {
  fc.assert(
    fc.property(anyStream, anyCuts, (bytes, cuts) => {
      const expected = framesIn(bytes);
      const found = decode(bytes, cuts);
      assertSameFrames(found.frames, expected.frames);
      assert.deepEqual(found.refusal, expected.refusal);
      if (expected.refusal === undefined) assert.equal(found.heldBytes, expected.heldBytes);
    }),
    runs(200),
  );
});

test("any bytes make a decoder allocate no more than a few times what has arrived", () => {
  const anyHeader = fc.tuple(anyByte, anyUint64, fc.nat(2 ** 30)).map(onlyHeader);
  fc.assert(
    fc.property(fc.array(fc.oneof(anyHeader, anyBlob), { maxLength: 8 }).map(concat), (bytes) => {
      const decoder = new protocol.FrameDecoder();
      outcomeOf(() => decoder.feed(bytes), bytes);
      const allocatedBytes = decoder.space().buffer.byteLength;
      assert(allocatedBytes <= ALLOCATED_BYTES_MAX + 2 * bytes.byteLength, `${allocatedBytes}`);
    }),
    runs(30),
  );
});

for (const [name, decoder] of Object.entries(DECODERS)) {
  test(`any bytes as ${name} give a value or a ProtocolError, whatever lies around them`, () => {
    fc.assert(
      fc.property(anyPayload, anyBlob, anyBlob, (payload, before, after) => {
        const alone = outcomeOf(decoder, payload);
        const whole = concat([before, payload, after]);
        const inside = whole.subarray(before.byteLength, before.byteLength + payload.byteLength);
        assert.deepEqual(outcomeOf(decoder, inside), alone);
      }),
      runs(200),
    );
  });
}

/** Frames as a reader sees them who has all bytes before it. */
function framesIn(bytes: Bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames: protocol.Frame[] = [];
  let at = 0;
  while (at + 17 <= bytes.byteLength) {
    const payloadBytes = view.getBigUint64(at + 9, true);
    if (payloadBytes > BigInt(LIMIT)) return { frames, refusal: payloadBytes, heldBytes: 0 };
    const end = at + 17 + Number(payloadBytes);
    if (end > bytes.byteLength) break;
    const id = protocol.readUint64(bytes, at + 1);
    frames.push({ type: view.getUint8(at), id, payload: bytes.slice(at + 17, end) });
    at = end;
  }
  return { frames, refusal: undefined, heldBytes: bytes.byteLength - at };
}

function decode(bytes: Bytes, cuts: readonly number[]) {
  const decoder = new protocol.FrameDecoder({ payloadBytesMax: LIMIT });
  const frames: protocol.Frame[] = [];
  let refusal: bigint | undefined;
  try {
    for (let at = 0, turn = 0; at < bytes.byteLength; turn++) {
      const piece = bytes.subarray(at, at + (cuts[turn % cuts.length] ?? 1));
      at += piece.byteLength;
      decoder.space().set(piece);
      decoder.commit(piece.byteLength);
      for (let frame = decoder.next(); frame; frame = decoder.next()) frames.push(frame);
    }
  } catch (error) {
    assert(error instanceof protocol.PayloadTooLargeError);
    refusal = BigInt(error.payloadBytes);
  }
  return { frames, refusal, heldBytes: decoder.heldBytes };
}

/** What a decoder gives, with all that it read; the message of a `ProtocolError`, and no other error. */
function outcomeOf(decoder: (payload: Bytes) => unknown, payload: Bytes): unknown {
  try {
    return decoder(payload);
  } catch (error) {
    assert(error instanceof protocol.ProtocolError, `${error}`);
    return error.message;
  }
}

/** A payload as each type of message. */
function messages(payload: Bytes, decodeOne: (frame: protocol.Frame) => unknown): unknown[] {
  return Array.from(
    { length: 10 },
    (_, type) => outcomeOf(() => decodeOne({ type, id: 1, payload }), payload),
  );
}

function wholeFrame([type, id, payload]: [number, protocol.Uint64, Bytes]): Bytes {
  return protocol.encodeFrame({ type, id, payload });
}

function onlyHeader([type, id, payloadBytes]: [number, protocol.Uint64, protocol.Uint64]): Bytes {
  return concat([Uint8Array.of(type), uint64(id), uint64(payloadBytes)]);
}

function uint64(value: protocol.Uint64): Bytes {
  const bytes = new Uint8Array(8);
  protocol.writeUint64(new DataView(bytes.buffer), 0, value);
  return bytes;
}
