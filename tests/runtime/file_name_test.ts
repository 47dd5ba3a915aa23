/** Names of files that are any bytes. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  bytesOfName,
  isUtf8Name,
  lossyName,
  nameOfBytes,
  shownName,
} from "../../runtime/files/file_name.ts";
import fc from "../lib/properties.ts";
import { test } from "../lib/test.ts";

/** Bytes that are often nearly UTF-8. */
const BYTES = fc.array(
  fc.oneof(
    fc.nat(255),
    fc.constantFrom(0x2e, 0x80, 0x98, 0x9f, 0xa0, 0xbf, 0xc3, 0xe2, 0xed, 0xef, 0xf0, 0xf4),
  ),
  { maxLength: 12 },
).map((bytes) => Uint8Array.from(bytes));

test("every name comes back as the same bytes, so no two names are the same text", () => {
  fc.assert(fc.property(BYTES, (bytes) => {
    const name = nameOfBytes(bytes);
    assert.deepEqual([...bytesOfName(name)], [...bytes]);
    assert.equal(isUtf8Name(name), Buffer.from(lossyName(bytes)).equals(bytes));
  }));
});

test("a name that is UTF-8 is its text", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => {
    assert.equal(nameOfBytes(Buffer.from(text)), text);
    assert.equal(shownName(text), text);
  }));
  assert.equal(nameOfBytes(Buffer.from("\ufeffa\ufffd")), "\ufeffa\ufffd");
});

test("a name that is not UTF-8 is shown with its bytes, and survives JSON", () => {
  const name = nameOfBytes(Buffer.from("caf\xe9\xff.txt", "latin1"));
  assert.equal(shownName(name), "caf\\xe9\\xff.txt");
  assert.equal(JSON.parse(JSON.stringify(name)), name);
  assert.equal(JSON.stringify(name), '"caf\\udce9\\udcff.txt"');
});

test("a surrogate that is written as UTF-8 is not UTF-8", () => {
  const name = nameOfBytes(Uint8Array.of(0xed, 0xb3, 0xa9));
  assert.notEqual(name, nameOfBytes(Uint8Array.of(0xe9)));
  assert.equal(shownName(name), "\\xed\\xb3\\xa9");
});
