/** The messages that version 2 adds, encoded and decoded. */

import assert from "node:assert/strict";
import * as protocol from "../../protocol/mod.ts";
import fc from "../lib/properties.ts";
import { runs } from "../lib/random.ts";
import { test } from "../lib/test.ts";
import { anyBlob, anyByte, anyText, anyUint64, recordOf } from "./arbitraries.ts";
import { concat, coreMessage, encodeJob, fromHex, onlyFrame } from "./bytes.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const { MessageType, ResponseType } = protocol;
const malformed = protocol.MalformedPayloadError;

const anyUint32 = fc.oneof(fc.nat(300), fc.nat(2 ** 32 - 1));
/** Rounds sizes and times on the wire to a double. */
const anySize = fc.oneof(fc.nat(), fc.maxSafeInteger().map(Math.abs), fc.constant(2 ** 63));
const anyDigest = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(hexOf);
const anyKind = fc.constantFrom(
  ...Object.keys(protocol.FailureKind) as protocol.FailureKindName[],
);

const anyAddedMessage = fc.oneof(
  recordOf({ type: fc.constant("describe" as const), id: anyUint64 }),
  recordOf({
    type: fc.constant("choose" as const),
    id: anyUint64,
    core: anyDigest,
    name: anyText,
    initMs: anySize,
  }),
  recordOf({ type: fc.constant("cancel" as const), id: anyUint64, message: anyUint64 }),
  recordOf({ type: fc.constant("ping" as const), id: anyUint64 }),
);

const anyDescription: fc.Arbitrary<protocol.WorkerDescription> = recordOf({
  instance: fc.uint8Array({ minLength: 16, maxLength: 16 }).map(hexOf),
  slots: anyUint32.map((slots) => Math.max(slots, 1)),
  memoryBytes: anySize,
  platform: anyText,
  software: anyText,
  machine: anyText,
  cores: fc.array(anyDigest, { maxLength: 5 }),
});

const anyLoad: fc.Arbitrary<protocol.WorkerLoad> = recordOf({
  slotsBusy: anyUint32,
  jobsWaiting: anySize,
  memoryFreeBytes: anySize,
  slotsLoading: anyUint32,
  loadingMs: anySize,
}).map((load) => load.slotsLoading > 0 ? load : { ...load, loadingMs: 0 });

const anyLimitedJob = recordOf({
  id: anyUint64,
  attempt: anyUint32,
  limits: recordOf({ timeMs: anySize, memoryBytes: anySize }),
  job: anyUint64,
  input: anyBlob,
});

test("a message that version 2 adds survives encoding and decoding", () => {
  fc.assert(fc.property(anyAddedMessage, (message) => {
    assert.deepEqual(protocol.decodeMessage2(onlyFrame(encode(message))), message);
  }));
});

test("a message of version 1 means the same in version 2", () => {
  fc.assert(fc.property(anyUint64, anyText, anyBlob, (id, name, blob) => {
    for (
      const bytes of [
        protocol.encodeVersion(id, 2),
        coreMessage(id, name, blob),
        encodeJob(id, id, blob),
      ]
    ) {
      const frame = onlyFrame(bytes);
      assert.deepEqual(protocol.decodeMessage2(frame), protocol.decodeMessage(frame));
    }
  }));
});

test("a job with limits survives encoding and decoding, and contains a job of version 1", () => {
  fc.assert(fc.property(anyLimitedJob, ({ id, attempt, limits, job, input }) => {
    const frame = limitedJob(id, attempt, limits, job, input);
    assert.equal(frame.type, MessageType.limitedJob);
    assert.equal(frame.id, id);
    const read = protocol.readLimitedJob(frame.payload);
    assert.deepEqual({ attempt: read.attempt, limits: read.limits }, { attempt, limits });
    assert.deepEqual(read.job, onlyFrame(encodeJob(id, job, input)).payload);
  }));
});

test("a job with limits is decoded without a copy, at any offset", () => {
  const { payload } = limitedJob(1, 2, { timeMs: 3, memoryBytes: 4 }, 5, Uint8Array.of(6, 7));
  for (let at = 0; at < 9; at++) {
    const larger = new Uint8Array(payload.byteLength + 20);
    larger.set(payload, at);
    const read = protocol.readLimitedJob(larger.subarray(at, at + payload.byteLength));
    assert.deepEqual(read.limits, { timeMs: 3, memoryBytes: 4 });
    assert.equal(read.job.buffer, larger.buffer);
    assert.equal(read.job.byteOffset, at + protocol.JOB_LIMITS_BYTES);
  }
});

test("a limit is never decoded as no limit, however large it is", () => {
  fc.assert(fc.property(anyUint64, (limit) => {
    const { payload } = limitedJob(1, 1, protocol.NO_LIMITS, 2, new Uint8Array(0));
    for (const at of [4, 12]) {
      const { timeMs, memoryBytes } =
        protocol.readLimitedJob(withUint64(payload, at, limit)).limits;
      assert.equal(at === 4 ? timeMs : memoryBytes, Number(limit));
      assert.equal(at === 4 ? memoryBytes : timeMs, 0);
    }
  }));
});

test("a worker's description survives encoding and decoding", () => {
  fc.assert(fc.property(anyUint64, anyDescription, (id, worker) => {
    const payload = successOf(protocol.encodeDescription(id, worker), id);
    assert.deepEqual(protocol.decodeDescription(payload), worker);
  }));
});

test("a worker's load survives encoding and decoding", () => {
  fc.assert(fc.property(anyUint64, anyLoad, (id, load) => {
    const payload = successOf(protocol.encodeWorkerLoad(id, load), id);
    assert.deepEqual(protocol.decodeWorkerLoad(payload), load);
  }));
});

test("whether a core is loaded is encoded as the byte 0 or 1, and any other byte is malformed", () => {
  fc.assert(fc.property(anyUint64, fc.boolean(), (id, isLoaded) => {
    const payload = successOf(protocol.encodeChooseResponse(id, isLoaded), id);
    assert.equal(protocol.decodeChooseResponse(payload), isLoaded);
  }));
  for (let byte = 2; byte < 256; byte++) {
    assert.throws(() => protocol.decodeChooseResponse(Uint8Array.of(byte)), malformed);
  }
});

test("the response to a cancel has an empty payload", () => {
  assert.equal(successOf(protocol.encodeDone(7), 7).byteLength, 0);
});

test("the drain notice has the id 0 and an empty payload", () => {
  const frame = onlyFrame(protocol.encodeDraining());
  assert.deepEqual(frame, { type: ResponseType.draining, id: 0, payload: new Uint8Array(0) });
});

test("an error with a kind survives encoding and decoding", () => {
  fc.assert(fc.property(anyUint64, anyKind, anyText, (id, kind, text) => {
    const frame = onlyFrame(protocol.encodeKindError(id, kind, text));
    assert.equal(frame.type, ResponseType.kindError);
    assert.equal(frame.id, id);
    assert.deepEqual(protocol.decodeKindError(frame.payload), { kind, text });
  }));
});

test("an error of an unknown kind is decoded as other, with its text", () => {
  for (let kind = Object.keys(protocol.FailureKind).length; kind < 256; kind++) {
    assert.deepEqual(protocol.decodeKindError(Uint8Array.of(kind, 0x61)), {
      kind: "other",
      text: "a",
    });
  }
});

test("the text of an error with a kind is cut to 4 KiB between two characters", () => {
  const anyLongText = fc.tuple(fc.nat(8), fc.constantFrom("a", "é", "☃", "🜚"))
    .map(([ahead, character]) => "a".repeat(ahead) + character.repeat(4_100));
  fc.assert(fc.property(anyLongText, (text) => {
    const { payload } = onlyFrame(protocol.encodeKindError(9, "core", text));
    const kept = protocol.decodeKindError(payload).text;
    assert(text.startsWith(kept), "what is kept is how the text begins");
    assert(payload.byteLength <= 1 + 4_096, "no more than 4 KiB are sent");
    assert(payload.byteLength > 1 + 4_096 - 4, "one more character would have been too much");
  }));
});

test("at most 4 KiB of the text of an error with a kind are decoded, with U+FFFD for bad bytes", () => {
  assert.equal(protocol.decodeKindError(fromHex("03 6f 6b ff 21")).text, "ok\uFFFD!");
  const long = new Uint8Array(1_000_000).fill(0x61);
  assert.equal(protocol.decodeKindError(long).text.length, 4_096);
});

/** The same message without the last field, which may be missing. */
function withoutLimit(message: protocol.Message2): protocol.Message2 {
  return message.type === "choose" ? { ...message, initMs: 0 } : message;
}

test("a message of version 2 that is too short or too long is malformed, at every length", () => {
  fc.assert(fc.property(anyAddedMessage, anyByte, (message, more) => {
    const frame = onlyFrame(encode(withoutLimit(message)));
    assertExactLength(frame.payload, more, (payload) => {
      protocol.decodeMessage2({ ...frame, payload });
    });
  }));
});

test("a job with limits that is too short or too long is malformed, at every length", () => {
  fc.assert(fc.property(anyLimitedJob, anyByte, ({ id, attempt, limits, job, input }, more) => {
    const { payload } = limitedJob(id, attempt, limits, job, input);
    assertExactLength(payload, more, protocol.readLimitedJob);
  }));
});

test("a response of version 2 that is too short or too long is malformed, at every length", () => {
  fc.assert(fc.property(anyDescription, anyLoad, anyByte, (worker, load, more) => {
    const description = successOf(protocol.encodeDescription(1, worker), 1);
    assertExactLength(description, more, protocol.decodeDescription);
    const loadPayload = successOf(protocol.encodeWorkerLoad(1, { ...load, slotsLoading: 0 }), 1);
    assertExactLength(loadPayload, more, protocol.decodeWorkerLoad);
    assertExactLength(Uint8Array.of(1), more, protocol.decodeChooseResponse);
  }));
  assert.throws(() => protocol.decodeKindError(new Uint8Array(0)), malformed);
});

test("a wrong length inside a payload of version 2 is malformed", () => {
  const choose = onlyFrame(protocol.encodeChoose(1, "00".repeat(32), "name"));
  const { payload: job } = limitedJob(1, 1, protocol.NO_LIMITS, 2, Uint8Array.of(3, 4, 5, 6));
  fc.assert(fc.property(anyUint64, (length) => {
    fc.pre(length !== 4);
    assert.throws(() =>
      protocol.decodeMessage2({
        ...choose,
        payload: withUint64(choose.payload, 32, length),
      }), malformed);
    assert.throws(() => protocol.readLimitedJob(withUint64(job, 28, length)), malformed);
  }));
});

test("a message of an unknown type is refused with its type and the version 2", () => {
  const known = Object.values<number>(MessageType);
  for (let type = 0; type < 256; type++) {
    if (known.includes(type)) continue;
    assert.throws(
      () => protocol.decodeMessage2({ type, id: 1, payload: new Uint8Array(4) }),
      (error) =>
        error instanceof protocol.UnknownTypeError && error.type === type &&
        /version 2$/.test(error.message),
    );
  }
});

test("decoding any bytes as a message of version 2 throws nothing but a ProtocolError", () => {
  const anyType = fc.oneof(fc.constantFrom(...Object.values(MessageType)), anyByte);
  fc.assert(
    fc.property(anyType, anyUint64, anyPayload(), (type, id, payload) => {
      throwsOnlyProtocolErrors(() => protocol.decodeMessage2({ type, id, payload }));
      throwsOnlyProtocolErrors(() => protocol.readLimitedJob(payload));
    }),
    runs(500),
  );
});

test("decoding any bytes as a response of version 2 throws nothing but a ProtocolError", () => {
  fc.assert(
    fc.property(anyPayload(), (payload) => decodeAsEveryResponse(payload)),
    runs(500),
  );
});

test("decoding a payload of version 2 with changed bytes throws nothing but a ProtocolError", () => {
  const anyWhole = fc.oneof(
    anyDescription.map((worker) => successOf(protocol.encodeDescription(1, worker), 1)),
    anyAddedMessage.map((message) => onlyFrame(encode(message)).payload),
    anyLimitedJob.map(({ id, attempt, limits, job, input }) =>
      limitedJob(id, attempt, limits, job, input).payload
    ),
  );
  const anyChanges = fc.array(fc.tuple(fc.nat(), anyByte), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(anyWhole, anyChanges, fc.nat(), (whole, changes, cut) => {
      const payload = whole.slice(0, whole.byteLength - (cut % 3));
      for (const [at, byte] of changes) payload[at % (payload.byteLength + 1)] = byte;
      decodeAsEveryResponse(payload);
      throwsOnlyProtocolErrors(() => protocol.readLimitedJob(payload));
      for (const type of Object.values(MessageType)) {
        throwsOnlyProtocolErrors(() => protocol.decodeMessage2({ type, id: 1, payload }));
      }
    }),
    runs(250),
  );
});

function decodeAsEveryResponse(payload: Bytes): void {
  throwsOnlyProtocolErrors(() => protocol.decodeDescription(payload));
  throwsOnlyProtocolErrors(() => protocol.decodeChooseResponse(payload));
  throwsOnlyProtocolErrors(() => protocol.decodeWorkerLoad(payload));
  throwsOnlyProtocolErrors(() => protocol.decodeKindError(payload));
}

/** Bytes that look like payloads more often than chance would have it: many of their lengths are small. */
function anyPayload(): fc.Arbitrary<Bytes> {
  const anyLength = fc.oneof(fc.nat(20), anyUint64).map((length) =>
    withUint64(new Uint8Array(8), 0, length)
  );
  return fc.array(fc.oneof(anyLength, anyDigest.map(fromHex), anyBlob), { maxLength: 7 })
    .map(concat);
}

function assertExactLength(payload: Bytes, more: number, decode: (payload: Bytes) => void): void {
  decode(payload);
  for (let size = 0; size < payload.byteLength; size++) {
    assert.throws(() => decode(payload.slice(0, size)), malformed);
  }
  assert.throws(() => decode(concat([payload, Uint8Array.of(more)])), malformed);
}

function encode(message: protocol.Message2): Bytes {
  switch (message.type) {
    case "describe":
      return protocol.encodeDescribe(message.id);
    case "choose":
      return protocol.encodeChoose(message.id, message.core, message.name, message.initMs);
    case "cancel":
      return protocol.encodeCancel(message.id, message.message);
    case "ping":
      return protocol.encodePing(message.id);
    default:
      return assert.fail("version 2 does not add it");
  }
}

function limitedJob(...job: Parameters<protocol.FrameWriter["limitedJob"]>): protocol.Frame {
  const writer = new protocol.FrameWriter();
  writer.limitedJob(...job);
  const piece = writer.take();
  assert(piece);
  return onlyFrame(piece);
}

function successOf(bytes: Bytes, id: protocol.Uint64): Bytes {
  const frame = onlyFrame(bytes);
  assert.deepEqual([frame.type, frame.id], [ResponseType.ok, id]);
  return frame.payload;
}

function withUint64(payload: Bytes, at: number, value: protocol.Uint64): Bytes {
  const changed = payload.slice();
  protocol.writeUint64(new DataView(changed.buffer), at, value);
  return changed;
}

function throwsOnlyProtocolErrors(decode: () => unknown): void {
  try {
    decode();
  } catch (error) {
    assert(error instanceof protocol.ProtocolError, `${error}`);
  }
}

function hexOf(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
