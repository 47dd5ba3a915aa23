import assert from "node:assert/strict";
import fc from "fast-check";
import { readUint64, toUint64, type Uint64, writeUint64 } from "../../protocol/mod.ts";
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
  test(`${value} is ${hex} on the wire, both ways`, () => {
    const bytes = new Uint8Array(8);
    writeUint64(viewOf(bytes), 0, value);
    assert.equal(toHex(bytes), hex.replaceAll(" ", ""));
    assert.equal(readUint64(viewOf(fromHex(hex)), 0), value);
  });
}

test("a value comes back the same from any place, and its neighbours are untouched", () => {
  fc.assert(fc.property(anyUint64, fc.nat(16), (value, at) => {
    const bytes = new Uint8Array(24).fill(0xaa);
    writeUint64(viewOf(bytes), at, value);
    assert.equal(readUint64(viewOf(bytes), at), value);
    assert.equal(viewOf(bytes).getBigUint64(at, true), BigInt(value));
    const others = bytes.filter((_, i) => i < at || i >= at + 8);
    assert.deepEqual(others, new Uint8Array(16).fill(0xaa));
  }));
});

test("every value has one form: a number up to 2^53 - 1, a bigint from there", () => {
  fc.assert(fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
    const expected = value < 2n ** 53n ? "number" : "bigint";
    assert.equal(typeof toUint64(value), expected);
    assert.equal(BigInt(toUint64(value)), value);
  }));
});

test("the form that is read is the form that toUint64 gives, so that Map keys agree", () => {
  for (const { value, hex } of borders) {
    const answered = new Map([[toUint64(BigInt(value)), "answered"]]);
    assert.equal(answered.get(readUint64(viewOf(fromHex(hex)), 0)), "answered");
  }
});

test("a bigint that a number could hold is written like that number", () => {
  const bytes = new Uint8Array(8);
  writeUint64(viewOf(bytes), 0, 258n);
  assert.equal(toHex(bytes), "0201000000000000");
});

const refused: readonly Uint64[] = [
  -1,
  -1n,
  0.5,
  NaN,
  Infinity,
  -Infinity,
  2 ** 53,
  2 ** 64,
  2n ** 64n,
  -(2n ** 63n),
];

for (const value of refused) {
  test(`the ${typeof value} ${value} is no unsigned 64-bit integer`, () => {
    assert.throws(() => toUint64(value), {
      name: "RangeError",
      message: `${value} is not an unsigned 64-bit integer`,
    });
  });
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
