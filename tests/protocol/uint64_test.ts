/** Unsigned 64-bit integers on the wire and in memory. */

import assert from "node:assert/strict";
import { readInt32, readUint32, readUint64, type Uint64, writeUint64 } from "../../protocol/mod.ts";
import fc from "../lib/properties.ts";
import { test } from "../lib/test.ts";
import { anyUint64 } from "./arbitraries.ts";
import { fromHex, toHex } from "./bytes.ts";

/** Written by hand: the least significant byte first. */
const borders: readonly { value: Uint64; hex: string }[] = [
  { value: 0, hex: "00 00 00 00 00 00 00 00" },
  { value: 1, hex: "01 00 00 00 00 00 00 00" },
  { value: 0x04030201, hex: "01 02 03 04 00 00 00 00" },
  { value: 2 ** 31, hex: "00 00 00 80 00 00 00 00" },
  { value: 2 ** 32 - 1, hex: "ff ff ff ff 00 00 00 00" },
  { value: 2 ** 32, hex: "00 00 00 00 01 00 00 00" },
  { value: 2 ** 32 + 1, hex: "01 00 00 00 01 00 00 00" },
  { value: 2 ** 53 - 1, hex: "ff ff ff ff ff ff 1f 00" },
  { value: 2n ** 53n, hex: "00 00 00 00 00 00 20 00" },
  { value: 2n ** 53n + 1n, hex: "01 00 00 00 00 00 20 00" },
  { value: 0x0807060504030201n, hex: "01 02 03 04 05 06 07 08" },
  { value: 2n ** 63n, hex: "00 00 00 00 00 00 00 80" },
  { value: 2n ** 64n - 1n, hex: "ff ff ff ff ff ff ff ff" },
];

for (const { value, hex } of borders) {
  test(`${value} is ${hex} on the wire`, () => {
    const bytes = new Uint8Array(8);
    writeUint64(viewOf(bytes), 0, value);
    assert.equal(toHex(bytes), hex.replaceAll(" ", ""));
    assert.equal(readUint64(fromHex(hex), 0), value);
  });
}

test("a value is the same wherever it is written, and the bytes beside it stay as they are", () => {
  fc.assert(fc.property(anyUint64, fc.nat(16), (value, at) => {
    const bytes = new Uint8Array(24).fill(0xaa);
    writeUint64(viewOf(bytes), at, value);
    assert.equal(readUint64(bytes, at), value);
    assert.equal(viewOf(bytes).getBigUint64(at, true), BigInt(value));
    const others = bytes.filter((_, i) => i < at || i >= at + 8);
    assert.deepEqual(others, new Uint8Array(16).fill(0xaa));
  }));
});

test("a value that is read is a number up to 2^53 - 1, and a bigint from there", () => {
  fc.assert(fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
    const bytes = new Uint8Array(8);
    writeUint64(viewOf(bytes), 0, value);
    const read = readUint64(bytes, 0);
    assert.equal(typeof read, value < 2n ** 53n ? "number" : "bigint");
    assert.equal(BigInt(read), value);
  }));
});

test("integers of 32 bits are read with and without a sign, as a DataView reads them", () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 4, maxLength: 20 }), (drawn) => {
    const bytes = new Uint8Array(drawn);
    for (let at = 0; at + 4 <= bytes.byteLength; at++) {
      assert.equal(readUint32(bytes, at), viewOf(bytes).getUint32(at, true));
      assert.equal(readInt32(bytes, at), viewOf(bytes).getInt32(at, true));
    }
  }));
});

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
