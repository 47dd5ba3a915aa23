/** The messages of version 1, encoded and decoded. */

import assert from "node:assert/strict";
import * as protocol from "../../protocol/mod.ts";
import fc from "../lib/properties.ts";
import { runs } from "../lib/random.ts";
import { test } from "../lib/test.ts";
import { anyBlob, anyByte, anyExitCode, anyText, anyUint64, recordOf } from "./arbitraries.ts";
import { concat, coreMessage, encodeJob, encodeJobResponse, fromHex, onlyFrame } from "./bytes.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const anyVersion = fc.nat(2 ** 32 - 1);

const anyMessage = fc.oneof(
  recordOf({ type: fc.constant("version" as const), id: anyUint64, version: anyVersion }),
  recordOf({ type: fc.constant("core" as const), id: anyUint64, name: anyText, content: anyBlob }),
  recordOf({ type: fc.constant("job" as const), id: anyUint64, job: anyUint64, input: anyBlob }),
);

test("a message survives encoding and decoding", () => {
  fc.assert(fc.property(anyMessage, (message) => {
    assert.deepEqual(protocol.decodeMessage(onlyFrame(encode(message))), message);
  }));
});

test("a job result survives encoding and decoding", () => {
  fc.assert(fc.property(anyUint64, anyExitCode, anyBlob, (id, exitCode, output) => {
    const frame = onlyFrame(encodeJobResponse(id, { exitCode, output }));
    assert.equal(frame.type, protocol.ResponseType.ok);
    assert.equal(frame.id, id);
    assert.deepEqual(protocol.decodeJobResponse(frame.payload), { exitCode, output });
  }));
});

test("a message that is too short or too long is malformed, at every length", () => {
  fc.assert(fc.property(anyMessage, anyBlob, (message, more) => {
    const frame = onlyFrame(encode(message));
    for (let size = 0; size < frame.payload.byteLength; size++) {
      assertMalformed({ ...frame, payload: frame.payload.slice(0, size) });
    }
    for (let size = 1; size <= more.byteLength; size++) {
      assertMalformed({ ...frame, payload: concat([frame.payload, more.subarray(0, size)]) });
    }
  }));
});

test("a response that is too short or too long is malformed", () => {
  fc.assert(fc.property(anyBlob, anyByte, (output, more) => {
    const { payload } = onlyFrame(encodeJobResponse(1, { exitCode: 0, output }));
    for (let size = 0; size < payload.byteLength; size++) {
      assert.throws(() => protocol.decodeJobResponse(payload.slice(0, size)), malformed);
    }
    assert.throws(
      () => protocol.decodeJobResponse(concat([payload, Uint8Array.of(more)])),
      malformed,
    );
  }));
});

test("a wrong length inside a payload is malformed", () => {
  const job = onlyFrame(encodeJob(1, 2, Uint8Array.of(3, 4, 5)));
  const core = onlyFrame(coreMessage(1, "name", Uint8Array.of(3, 4, 5)));
  fc.assert(fc.property(anyUint64, (length) => {
    fc.pre(length !== 3 && length !== 4);
    assertMalformed({ ...job, payload: withUint64(job.payload, 8, length) });
    assertMalformed({ ...core, payload: withUint64(core.payload, 0, length) });
    assertMalformed({ ...core, payload: withUint64(core.payload, 12, length) });
  }));
});

test("decoding any bytes as a message throws nothing but a ProtocolError", () => {
  const anyType = fc.oneof(fc.constantFrom(1, 2, 3), anyByte);
  fc.assert(
    fc.property(anyType, anyUint64, anyPayload(), (type, id, payload) => {
      throwsOnlyProtocolErrors(() => protocol.decodeMessage({ type, id, payload }));
    }),
    runs(500),
  );
});

test("decoding any bytes as a response throws nothing but a ProtocolError", () => {
  fc.assert(fc.property(anyPayload(), (payload) => {
    throwsOnlyProtocolErrors(() => protocol.decodeVersionResponse(payload));
    throwsOnlyProtocolErrors(() => protocol.decodeCoreResponse(payload));
    throwsOnlyProtocolErrors(() => protocol.decodeJobResponse(payload));
    assert.equal(typeof protocol.decodeError(payload), "string");
  }));
});

test("a message of any type but the three of version 1 is refused with its type", () => {
  for (let type = 0; type < 256; type++) {
    if (type === 0x01 || type === 0x02 || type === 0x03) continue;
    assert.throws(
      () => protocol.decodeMessage({ type, id: 1, payload: new Uint8Array(4) }),
      (error) => error instanceof protocol.UnknownTypeError && error.type === type,
    );
  }
});

test("checking a job without decoding it refuses the same payloads as decoding it", () => {
  fc.assert(fc.property(anyPayload(), (payload) => {
    const takenApart = outcomeOf(() => protocol.decodeMessage({ type: 3, id: 1, payload }));
    assert.equal(outcomeOf(() => protocol.checkJob(payload)), takenApart);
  }));
});

test("a version is accepted with the byte 1 and refused with 0, and any other byte is malformed", () => {
  assert.equal(protocol.decodeVersionResponse(Uint8Array.of(1)), true);
  assert.equal(protocol.decodeVersionResponse(Uint8Array.of(0)), false);
  for (let byte = 2; byte < 256; byte++) {
    assert.throws(() => protocol.decodeVersionResponse(Uint8Array.of(byte)), malformed);
  }
  assert.throws(() => protocol.decodeVersionResponse(Uint8Array.of()), malformed);
  assert.throws(() => protocol.decodeVersionResponse(Uint8Array.of(1, 1)), malformed);
});

test("the response to a core must be empty", () => {
  assert.equal(protocol.decodeCoreResponse(new Uint8Array(0)), undefined);
  assert.throws(() => protocol.decodeCoreResponse(Uint8Array.of(0)), malformed);
});

test("a name may begin with a byte order mark and contain a zero", () => {
  const name = "\uFEFFa\0b";
  const frame = onlyFrame(coreMessage(1, name, new Uint8Array(0)));
  assert.deepEqual(protocol.decodeMessage(frame), {
    type: "core",
    id: 1,
    name,
    content: new Uint8Array(0),
  });
});

for (
  const { what, hex } of [
    { what: "a lone continuation byte", hex: "80" },
    { what: "an overlong form", hex: "c0 af" },
    { what: "half a surrogate pair", hex: "ed a0 80" },
    { what: "a character cut short", hex: "e2 98" },
    { what: "a character beyond U+10FFFF", hex: "f4 90 80 80" },
  ]
) {
  test(`a name with ${what} is malformed, and the next name is decoded correctly`, () => {
    const badName = fromHex(hex);
    const payload = protocol.encodeStringAndBlob("x".repeat(badName.byteLength), new Uint8Array(0));
    payload.set(badName, 8);
    assertMalformed({ type: protocol.MessageType.core, id: 1, payload });
    assert.equal(
      protocol.decodeStringAndBlob(protocol.encodeStringAndBlob("☃", payload)).text,
      "☃",
    );
  });
}

test("an error text of up to 4 KiB survives encoding and decoding", () => {
  fc.assert(fc.property(anyText, (text) => {
    const frame = onlyFrame(protocol.encodeError(9, text));
    assert.equal(frame.type, protocol.ResponseType.error);
    assert.equal(protocol.decodeError(frame.payload), text);
  }));
});

test("a longer error text is cut to 4 KiB between two characters", () => {
  const anyLongText = fc.tuple(fc.nat(8), fc.constantFrom("a", "é", "☃", "🜚"), anyText)
    .map(([ahead, character, rest]) => "a".repeat(ahead) + character.repeat(4_100) + rest);
  fc.assert(fc.property(anyLongText, (text) => {
    const { payload } = onlyFrame(protocol.encodeError(9, text));
    const kept = protocol.decodeError(payload);
    assert(text.startsWith(kept), "what is kept is how the text begins");
    assert(payload.byteLength <= 4_096, "no more than 4 KiB are sent");
    assert(payload.byteLength > 4_096 - 4, "one more character would have been too much");
  }));
});

test("bytes of an error text that are not UTF-8 are decoded as U+FFFD", () => {
  assert.equal(protocol.decodeError(fromHex("6f 6b ff 21")), "ok\uFFFD!");
});

test("an error text of 600 MiB is cut to 4 KiB", () => {
  const bytesMax = protocol.ERROR_TEXT_RECEIVED_BYTES_MAX;
  const text = protocol.decodeError(new Uint8Array(600 * 1024 * 1024).fill(0x61, 0, bytesMax));
  assert.equal(text, "a".repeat(bytesMax));
});

test("every error is a ProtocolError, has the name of its class and contains its numbers", () => {
  const errors = [
    {
      error: new protocol.PayloadTooLargeError(7, 2n ** 64n - 1n, 1_000),
      says: /\b7\b.*\b18446744073709551615\b.*\b1000\b/,
    },
    { error: new protocol.UnknownTypeError("message", 0x7), says: /\b0x07\b.*\bmessage\b/ },
    { error: new protocol.UnknownTypeError("response", 0xfe), says: /\b0xfe\b.*\bresponse\b/ },
    { error: new protocol.TruncatedFrameError(19), says: /\b19\b/ },
    { error: new protocol.MalformedPayloadError("a reason"), says: /^a reason$/ },
  ];
  for (const { error, says } of errors) {
    assert(error instanceof protocol.ProtocolError);
    assert.equal(error.name, error.constructor.name);
    assert.match(error.message, says);
    assert.doesNotMatch(error.message, /\.$/);
  }
});

const malformed = protocol.MalformedPayloadError;

/** Bytes that look like payloads more often than chance would have it: many of their lengths are small. */
function anyPayload(): fc.Arbitrary<Bytes> {
  const anyLength = fc.oneof(fc.nat(20), anyUint64).map((length) =>
    withUint64(new Uint8Array(8), 0, length)
  );
  return fc.array(fc.oneof(anyLength, anyBlob), { maxLength: 4 }).map(concat);
}

function encode(message: protocol.Message): Bytes {
  switch (message.type) {
    case "version":
      return protocol.encodeVersion(message.id, message.version);
    case "core":
      return coreMessage(message.id, message.name, message.content);
    case "job":
      return encodeJob(message.id, message.job, message.input);
  }
}

function withUint64(payload: Bytes, at: number, value: protocol.Uint64): Bytes {
  const changed = payload.slice();
  protocol.writeUint64(new DataView(changed.buffer), at, value);
  return changed;
}

function assertMalformed(frame: protocol.Frame): void {
  assert.throws(() => protocol.decodeMessage(frame), malformed);
}

function throwsOnlyProtocolErrors(decode: () => unknown): void {
  try {
    decode();
  } catch (error) {
    assert(error instanceof protocol.ProtocolError, `${error}`);
  }
}

function outcomeOf(check: () => unknown): string {
  try {
    check();
    return "taken";
  } catch (error) {
    return String(error);
  }
}
