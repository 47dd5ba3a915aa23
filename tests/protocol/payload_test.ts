/** Payloads, written and read field by field. */

import assert from "node:assert/strict";
import { MalformedPayloadError } from "../../protocol/mod.ts";
import { PayloadReader, PayloadWriter } from "../../protocol/payload.ts";
import type { Uint64 } from "../../protocol/mod.ts";
import fc from "../lib/properties.ts";
import { test } from "../lib/test.ts";
import { anyBlob, anyText, anyUint64, recordOf } from "./arbitraries.ts";
import { concat, fromHex, toHex } from "./bytes.ts";

/** A generated field. */
type Field =
  | { readonly kind: "uint32"; readonly value: number }
  | { readonly kind: "uint64"; readonly value: Uint64 }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "blob"; readonly value: Uint8Array<ArrayBuffer> }
  | { readonly kind: "hex"; readonly value: string };

const anyField: fc.Arbitrary<Field> = fc.oneof(
  recordOf({ kind: fc.constant("uint32" as const), value: fc.nat(2 ** 32 - 1) }),
  recordOf({ kind: fc.constant("uint64" as const), value: anyUint64 }),
  recordOf({ kind: fc.constant("string" as const), value: anyText }),
  recordOf({ kind: fc.constant("blob" as const), value: anyBlob }),
  recordOf({ kind: fc.constant("hex" as const), value: anyBlob.map(toHex) }),
);
const anyFields = fc.array(anyField, { minLength: 1, maxLength: 8 });

test("fields are read in the order in which they were written", () => {
  fc.assert(fc.property(anyFields, (fields) => {
    const reader = new PayloadReader(write(fields), "A test");
    assert.deepEqual(fields.map((field) => read(reader, field)), fields.map(({ value }) => value));
    reader.end();
  }));
});

test("fields are read from a payload in the middle of a larger buffer", () => {
  fc.assert(fc.property(anyFields, fc.nat(20), (fields, at) => {
    const payload = write(fields);
    const larger = concat([new Uint8Array(at), payload, new Uint8Array(20)]);
    const reader = new PayloadReader(larger.subarray(at, at + payload.byteLength), "A test");
    assert.deepEqual(fields.map((field) => read(reader, field)), fields.map(({ value }) => value));
    reader.end();
  }));
});

test("each field is written as PROTOCOL.md specifies", () => {
  const payload = new PayloadWriter().uint32(0x04030201).uint64(2n ** 63n).string("☃").hex("0aff")
    .bytes();
  assert.equal(toHex(payload), "01020304" + "0000000000000080" + "0300000000000000e29883" + "0aff");
});

test("a payload without fields is empty", () => {
  assert.equal(new PayloadWriter().bytes().byteLength, 0);
  assert.equal(new PayloadWriter().hex("").bytes().byteLength, 0);
  new PayloadReader(new Uint8Array(0), "A test").end();
});

test("a payload that ends before its last field is malformed, at every length", () => {
  fc.assert(fc.property(anyFields, (fields) => {
    const payload = write(fields);
    for (let size = 0; size < payload.byteLength; size++) {
      const reader = new PayloadReader(payload.slice(0, size), "A test");
      assert.throws(() => fields.forEach((field) => read(reader, field)), {
        name: MalformedPayloadError.name,
        message: `A test is too short: it has ${size} bytes`,
      });
    }
  }));
});

test("bytes after the last field are malformed", () => {
  const reader = new PayloadReader(new Uint8Array(7), "A test");
  reader.uint32();
  assert.throws(() => reader.end(), {
    name: MalformedPayloadError.name,
    message: "A test is too long: it needs 4 of its 7 bytes",
  });
});

for (const length of [4, 2 ** 32, 2 ** 53 - 1, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]) {
  test(`a string with the length ${length} and 3 bytes is malformed`, () => {
    const payload = concat([new PayloadWriter().uint64(length).bytes(), fromHex("616263")]);
    assert.throws(() => new PayloadReader(payload, "A test").string(), MalformedPayloadError);
  });
}

for (const hex of ["80", "c0af", "eda080", "e298", "f4908080"]) {
  test(`the bytes ${hex} are not a string, and the next string is decoded correctly`, () => {
    const bytes = fromHex(hex);
    const payload = concat([new PayloadWriter().uint64(bytes.byteLength).bytes(), bytes]);
    assert.throws(() => new PayloadReader(payload, "A test").string(), {
      name: MalformedPayloadError.name,
      message: "A test contains text that is not valid UTF-8",
    });
    const next = new PayloadReader(new PayloadWriter().string("☃").bytes(), "A test");
    assert.equal(next.string(), "☃");
  });
}

test("a string may begin with a byte order mark and contain a zero", () => {
  const text = "\uFEFFa\0b";
  const reader = new PayloadReader(new PayloadWriter().string(text).bytes(), "A test");
  assert.equal(reader.string(), text);
});

test("a list has as many items as its count says", () => {
  for (const count of [0, 1, 5]) {
    const payload = new PayloadWriter().uint32(count).hex("ab".repeat(2 * count)).bytes();
    const reader = new PayloadReader(payload, "A test");
    assert.deepEqual(reader.list(5, 2, () => reader.hex(2)), Array(count).fill("abab"));
    reader.end();
  }
});

test("a list with a count too large for its payload is refused before its first item is read", () => {
  for (const count of [3, 2 ** 16, 2 ** 32 - 1]) {
    const payload = new PayloadWriter().uint32(count).hex("ab".repeat(5)).bytes();
    const reader = new PayloadReader(payload, "A test");
    const readItem = () => assert.fail("an item was read");
    assert.throws(() => reader.list(2 ** 32, 2, readItem), MalformedPayloadError);
  }
});

test("a list with more items than are supported is refused before its first item is read", () => {
  const payload = new PayloadWriter().uint32(3).hex("ab".repeat(6)).bytes();
  const readItem = () => assert.fail("an item was read");
  assert.throws(() => new PayloadReader(payload, "A test").list(2, 2, readItem), {
    name: MalformedPayloadError.name,
    message: "A test has a list of 3 items; at most 2 are supported",
  });
});

function write(fields: readonly Field[]): Uint8Array<ArrayBuffer> {
  const writer = new PayloadWriter();
  for (const field of fields) {
    if (field.kind === "uint32") writer.uint32(field.value);
    if (field.kind === "uint64") writer.uint64(field.value);
    if (field.kind === "string") writer.string(field.value);
    if (field.kind === "blob") writer.blob(field.value);
    if (field.kind === "hex") writer.hex(field.value);
  }
  return writer.bytes();
}

function read(reader: PayloadReader, field: Field): unknown {
  return field.kind === "hex" ? reader.hex(field.value.length / 2) : reader[field.kind]();
}
