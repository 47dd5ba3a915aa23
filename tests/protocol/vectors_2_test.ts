/** The published byte vectors of version 2, in `tests/fixtures/v2-vectors.json`. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as protocol from "../../protocol/mod.ts";
import fc from "../lib/properties.ts";
import { test } from "../lib/test.ts";
import { anyCuts } from "./arbitraries.ts";
import { concat, decodeInPieces, fromHex, onlyFrame, toHex } from "./bytes.ts";
import { encode, type Meaning, meaningOf, type Question, throughDoubles } from "./meanings_2.ts";

interface Vector {
  readonly name: string;
  readonly direction: "controller-to-worker" | "worker-to-controller";
  readonly hex: string;
}

type ValidVector = Vector & { readonly meaning: Meaning; readonly decode_only?: string };
type InvalidVector = Vector & { readonly expect: string };
type Refusal = typeof protocol.UnknownTypeError | typeof protocol.MalformedPayloadError;

const file = new URL("../fixtures/v2-vectors.json", import.meta.url);
const vectors: { valid: ValidVector[]; invalid: InvalidVector[] } = JSON.parse(
  readFileSync(file, "utf8"),
);

for (const vector of vectors.valid.filter((vector) => vector.decode_only === undefined)) {
  test(`vector ${vector.name} of version 2: its meaning encodes to exactly its bytes`, () => {
    assert.equal(toHex(encode(vector.meaning)), vector.hex);
  });
}

for (const vector of vectors.valid) {
  test(`vector ${vector.name} of version 2: its bytes decode to its meaning, whole and byte by byte`, () => {
    assertMeans(decodeInPieces(new protocol.FrameDecoder(), fromHex(vector.hex), [1]), [vector]);
    assertMeans(new protocol.FrameDecoder().feed(fromHex(vector.hex)), [vector]);
  });
}

test("the valid vectors of version 2 decode to their meanings in any order, however the stream is cut", () => {
  const anyStream = fc.array(fc.constantFrom(...vectors.valid), { maxLength: 30 });
  fc.assert(fc.property(anyStream, anyCuts, (stream, cuts) => {
    const bytes = concat(stream.map((vector) => fromHex(vector.hex)));
    const decoder = new protocol.FrameDecoder();
    assertMeans(decodeInPieces(decoder, bytes, cuts), stream);
    assert.equal(decoder.heldBytes, 0);
  }));
});

test("the valid vectors of version 2 have every message, every response and every kind", () => {
  const typesOf = (direction: Vector["direction"]) =>
    new Set(
      vectors.valid.filter((vector) => vector.direction === direction)
        .map(({ hex }) => onlyFrame(fromHex(hex)).type),
    );
  const { core: _core, job: _job, ...added } = protocol.MessageType;
  assert.deepEqual(typesOf("controller-to-worker"), new Set<number>(Object.values(added)));
  assert.deepEqual(
    typesOf("worker-to-controller"),
    new Set<number>(Object.values(protocol.ResponseType)),
  );
  const kinds = vectors.valid.flatMap(({ meaning }) =>
    meaning.type === "kind_error" ? [meaning.kind] : []
  );
  assert.deepEqual(new Set(kinds), new Set(Object.keys(protocol.FailureKind)));
});

for (const vector of vectors.valid.filter(isAddedMessage)) {
  test(`vector ${vector.name} of version 2 has an unknown type for version 1`, () => {
    assert.throws(
      () => protocol.decodeMessage(onlyFrame(fromHex(vector.hex))),
      protocol.UnknownTypeError,
    );
  });
}

/** Complete messages that contain something that version 2 does not have. */
const refusedByType = ["message-type-0x10", "message-type-0xfe", "message-type-zero"];

/** Responses, the message that each answers, or "error" for those whose type says what they are. */
const refusedAsResponses: Record<string, Question | "error"> = {
  ...answersTo("describe", /^description-/),
  ...answersTo("choose", /^choose-response-/),
  ...answersTo("limited_job", /^limited-job-response-/),
  ...answersTo("job_with_usage", /^result-with-usage-/),
  "error-with-usage-cut": "error",
  "error-with-usage-without-kind": "error",
  ...answersTo("ping", /^load-/),
  ...answersTo("cancel", /^cancel-response-/),
  "error-kind-missing": "error",
  "printed-too-short": "error",
  "printed-kind-unknown": "error",
  "arrival-rate-too-short": "error",
};

/** Frames whose error is not in their payload. */
const refusedElsewhere = [
  "draining-with-payload",
  "draining-with-id",
  "response-type-0x02",
  "response-type-0x07",
];

test("every invalid vector of version 2 has a test that refuses it", () => {
  const responses = [...Object.keys(refusedAsResponses), ...refusedElsewhere];
  assert.deepEqual(
    vectors.invalid.filter(isResponse).map(({ name }) => name).toSorted(),
    responses.toSorted(),
  );
});

for (const vector of vectors.invalid.filter((vector) => !isResponse(vector))) {
  test(`vector ${vector.name} of version 2: its message is refused, its id is known, and the next frame is decoded`, () => {
    const refusal: Refusal = refusedByType.includes(vector.name)
      ? protocol.UnknownTypeError
      : protocol.MalformedPayloadError;
    const bytes = concat([fromHex(vector.hex), protocol.encodePing(77)]);
    const [frame, next] = new protocol.FrameDecoder().feed(bytes);
    assert(frame && next);
    assert.throws(() => decode(frame), refusal);
    assert.equal(frame.id, fromHex(vector.hex)[1]);
    assert.deepEqual(protocol.decodeMessage2(next), { type: "ping", id: 77 });
  });
}

for (const [name, question] of Object.entries(refusedAsResponses)) {
  test(`vector ${name} of version 2: its payload is refused`, () => {
    const frame = onlyFrame(invalid(name));
    assert.throws(() => meaningOf(frame, question), protocol.MalformedPayloadError);
  });
}

for (const name of ["draining-with-payload", "draining-with-id"]) {
  test(`vector ${name} of version 2: its frame is whole, but differs from the drain notice`, () => {
    const frame = onlyFrame(invalid(name));
    assert.equal(frame.type, protocol.ResponseType.draining);
    assert.notEqual(toHex(invalid(name)), toHex(protocol.encodeDraining()));
  });
}

for (const name of ["response-type-0x02", "response-type-0x07"]) {
  test(`vector ${name} of version 2: its frame is whole, but its type is not a response type`, () => {
    const { type } = onlyFrame(invalid(name));
    assert.equal(type, Number(name.slice(-4)));
    assert(!Object.values<number>(protocol.ResponseType).includes(type));
  });
}

function isAddedMessage({ direction, meaning }: ValidVector): boolean {
  return direction === "controller-to-worker" && meaning.type !== "version";
}

function isResponse({ direction }: Vector): boolean {
  return direction === "worker-to-controller";
}

function answersTo(question: Question, names: RegExp): Record<string, Question> {
  return Object.fromEntries(
    vectors.invalid.filter((vector) => isResponse(vector) && names.test(vector.name))
      .map(({ name }) => [name, question]),
  );
}

/** Decodes a message of version 2 like a worker. */
function decode(frame: protocol.Frame): unknown {
  return frame.type === protocol.MessageType.limitedJob
    ? protocol.readLimitedJob(frame.payload)
    : protocol.decodeMessage2(frame);
}

function invalid(name: string): Uint8Array<ArrayBuffer> {
  const vector = vectors.invalid.find((vector) => vector.name === name);
  assert(vector, `no invalid vector is called ${name}`);
  return fromHex(vector.hex);
}

function assertMeans(frames: protocol.Frame[], expected: ValidVector[]): void {
  assert.equal(frames.length, expected.length);
  for (const [i, { direction, meaning }] of expected.entries()) {
    const frame = frames[i];
    assert(frame);
    const question = direction === "controller-to-worker"
      ? "message"
      : meaning.type === "ok"
      ? meaning.to
      : "error";
    assert.deepEqual(meaningOf(frame, question), throughDoubles(meaning));
  }
}
