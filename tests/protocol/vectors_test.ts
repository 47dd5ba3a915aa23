/** The published byte vectors of version 1, in `tests/fixtures/v1-vectors.json`. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as protocol from "../../protocol/mod.ts";
import fc from "../lib/properties.ts";
import { test } from "../lib/test.ts";
import { anyCuts } from "./arbitraries.ts";
import {
  concat,
  coreMessage,
  decodeInPieces,
  encodeJob,
  fromHex,
  onlyFrame,
  toHex,
  toUint64,
} from "./bytes.ts";

interface Vector {
  readonly name: string;
  readonly direction: "controller-to-worker" | "worker-to-controller";
  readonly hex: string;
}

type Meaning =
  | { type: "version"; id: string; version: number }
  | { type: "core"; id: string; name: string; content_hex: string }
  | { type: "job"; id: string; job: string; input_hex: string }
  | { type: "ok"; to: "version"; id: string; accepted: boolean }
  | { type: "ok"; to: "core"; id: string }
  | { type: "ok"; to: "job"; id: string; exit_code: number; output_hex: string }
  | { type: "error"; id: string; message: string };

type ValidVector = Vector & { readonly meaning: Meaning };
type InvalidVector = Vector & { readonly expect: string };

const file = new URL("../fixtures/v1-vectors.json", import.meta.url);
const vectors: { valid: ValidVector[]; invalid: InvalidVector[] } = JSON.parse(
  readFileSync(file, "utf8"),
);

for (const vector of vectors.valid) {
  test(`vector ${vector.name}: its meaning encodes to exactly its bytes`, () => {
    assert.equal(toHex(encode(vector.meaning)), vector.hex);
  });

  test(`vector ${vector.name}: its bytes decode to its meaning, whole and byte by byte`, () => {
    assertMeans(decodeInPieces(new protocol.FrameDecoder(), fromHex(vector.hex), [1]), [vector]);
    assertMeans(new protocol.FrameDecoder().feed(fromHex(vector.hex)), [vector]);
  });
}

test("the valid vectors decode to their meanings in any order, however the stream is cut", () => {
  const anyStream = fc.array(fc.constantFrom(...vectors.valid), { maxLength: 30 });
  fc.assert(fc.property(anyStream, anyCuts, (stream, cuts) => {
    const bytes = concat(stream.map((vector) => fromHex(vector.hex)));
    const decoder = new protocol.FrameDecoder();
    assertMeans(decodeInPieces(decoder, bytes, cuts), stream);
    assert.equal(decoder.heldBytes, 0);
  }));
});

/** Frames that no receiver can accept: the connection ends with them. */
const refusedByTheDecoder = ["payload-length-2^64-1", "payload-length-2^53"];

type Refusal = typeof protocol.UnknownTypeError | typeof protocol.MalformedPayloadError;

/** Complete frames that contain something that version 1 does not have. */
const refusedAsMessages = new Map<string, Refusal>([
  ["unknown-message-type", protocol.UnknownTypeError],
  ["message-type-zero", protocol.UnknownTypeError],
  ["version-payload-short", protocol.MalformedPayloadError],
  ["version-payload-long", protocol.MalformedPayloadError],
  ["core-name-length-past-payload", protocol.MalformedPayloadError],
  ["core-name-not-utf8", protocol.MalformedPayloadError],
  ["core-trailing-bytes", protocol.MalformedPayloadError],
  ["job-blob-length-short", protocol.MalformedPayloadError],
  ["job-blob-length-2^64-1", protocol.MalformedPayloadError],
  ["job-payload-empty", protocol.MalformedPayloadError],
]);

/** Valid frames sent at the wrong time, and frames that only a receiver of responses refuses. */
const refusedElsewhere = [
  "job-before-core",
  "job-response-short",
  "response-id-never-sent",
  "response-type-unknown",
];

test("every invalid vector has a test that refuses it", () => {
  const known = [...refusedByTheDecoder, ...refusedAsMessages.keys(), ...refusedElsewhere];
  assert.deepEqual(vectors.invalid.map((vector) => vector.name).sort(), known.sort());
});

for (const name of refusedByTheDecoder) {
  test(`vector ${name}: the decoder refuses it once its header is there, however it is cut`, () => {
    const bytes = invalid(name);
    fc.assert(fc.property(anyCuts, (cuts) => {
      const decoder = new protocol.FrameDecoder();
      assert.deepEqual(decodeInPieces(decoder, bytes.subarray(0, -1), cuts), []);
      assert.throws(() => decoder.feed(bytes.subarray(-1)), protocol.PayloadTooLargeError);
    }));
  });
}

for (const [name, refusal] of refusedAsMessages) {
  test(`vector ${name}: its message is refused, its id is known, and the next frame is decoded`, () => {
    const job = encodeJob(77, 1, Uint8Array.of(1, 2, 3));
    const bytes = concat([invalid(name), job]);
    const [frame, next] = new protocol.FrameDecoder().feed(bytes);
    assert(frame && next);
    assert.throws(() => protocol.decodeMessage(frame), refusal);
    assert.equal(frame.id, invalid(name)[1]);
    assert.equal(protocol.decodeMessage(next).id, 77);
  });
}

test("vector job-before-core: it parses; only a worker without a core refuses it", () => {
  const message = protocol.decodeMessage(onlyFrame(invalid("job-before-core")));
  assert.deepEqual(message, {
    type: "job",
    id: 0x15,
    job: 1,
    input: Uint8Array.of(0x61, 0x62, 0x63),
  });
});

test("vector job-response-short: its payload is refused", () => {
  const { payload } = onlyFrame(invalid("job-response-short"));
  assert.throws(() => protocol.decodeJobResponse(payload), protocol.MalformedPayloadError);
});

test("vector response-id-never-sent: its frame is whole, with an id that was never sent", () => {
  assert.equal(onlyFrame(invalid("response-id-never-sent")).id, 999_999);
});

test("vector response-type-unknown: its frame is whole, but its type is not a response type", () => {
  const { type } = onlyFrame(invalid("response-type-unknown"));
  assert.equal(type, 0x02);
  assert(!Object.values<number>(protocol.ResponseType).includes(type));
});

function invalid(name: string): Uint8Array<ArrayBuffer> {
  const vector = vectors.invalid.find((vector) => vector.name === name);
  assert(vector, `no invalid vector is called ${name}`);
  return fromHex(vector.hex);
}

function assertMeans(frames: protocol.Frame[], expected: ValidVector[]): void {
  assert.equal(frames.length, expected.length);
  for (const [i, vector] of expected.entries()) {
    const frame = frames[i];
    assert(frame);
    assert.deepEqual(meaningOf(frame, vector), vector.meaning);
  }
}

function encode(meaning: Meaning): Uint8Array<ArrayBuffer> {
  const id = uint64(meaning.id);
  switch (meaning.type) {
    case "version":
      return protocol.encodeVersion(id, meaning.version);
    case "core":
      return coreMessage(id, meaning.name, fromHex(meaning.content_hex));
    case "job":
      return written((writer) => writer.job(id, uint64(meaning.job), fromHex(meaning.input_hex)));
    case "error":
      return protocol.encodeError(id, meaning.message);
    case "ok":
      return encodeSuccess(id, meaning);
  }
}

function encodeSuccess(
  id: protocol.Uint64,
  meaning: Meaning & { type: "ok" },
): Uint8Array<ArrayBuffer> {
  switch (meaning.to) {
    case "version":
      return protocol.encodeVersionResponse(id, meaning.accepted);
    case "core":
      return protocol.encodeCoreResponse(id);
    case "job":
      return written((writer) =>
        writer.jobResult(id, meaning.exit_code, fromHex(meaning.output_hex))
      );
  }
}

/** Only a writer encodes jobs and their results. */
function written(write: (writer: protocol.FrameWriter) => void): Uint8Array<ArrayBuffer> {
  const writer = new protocol.FrameWriter();
  write(writer);
  const piece = writer.take();
  assert(piece);
  assert.equal(writer.take(), undefined);
  return piece;
}

function meaningOf(frame: protocol.Frame, vector: ValidVector): Meaning {
  const id = String(frame.id);
  if (vector.direction === "controller-to-worker") {
    return meaningOfMessage(protocol.decodeMessage(frame));
  }
  if (frame.type === protocol.ResponseType.error) {
    return { type: "error", id, message: protocol.decodeError(frame.payload) };
  }
  assert.equal(frame.type, protocol.ResponseType.ok);
  return meaningOfSuccess(frame, vector);
}

function meaningOfMessage(message: protocol.Message): Meaning {
  const id = String(message.id);
  switch (message.type) {
    case "version":
      return { ...message, id };
    case "core":
      return { type: "core", id, name: message.name, content_hex: toHex(message.content) };
    case "job":
      return { type: "job", id, job: String(message.job), input_hex: toHex(message.input) };
  }
}

/** A successful response does not name the message that it answers: here the vector does, elsewhere the id. */
function meaningOfSuccess(frame: protocol.Frame, { meaning }: ValidVector): Meaning {
  const id = String(frame.id);
  assert(meaning.type === "ok");
  switch (meaning.to) {
    case "version":
      return {
        type: "ok",
        to: "version",
        id,
        accepted: protocol.decodeVersionResponse(frame.payload),
      };
    case "core":
      protocol.decodeCoreResponse(frame.payload);
      return { type: "ok", to: "core", id };
    case "job": {
      const { exitCode, output } = protocol.decodeJobResponse(frame.payload);
      return { type: "ok", to: "job", id, exit_code: exitCode, output_hex: toHex(output) };
    }
  }
}

function uint64(decimal: string): protocol.Uint64 {
  return toUint64(BigInt(decimal));
}
