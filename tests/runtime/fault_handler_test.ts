/** The machine code that handles bad memory accesses. What it does is tested with real crashes. */

import assert from "node:assert/strict";
import { handlerCode } from "../../runtime/native/fault_handler.ts";
import { test } from "../lib/test.ts";

const ADDRESSES = {
  note: 0x1122334455667788n,
  signal: 0x2132435465768798n,
  raise: 0x3142536475869708n,
};

test("the handler contains each address once, on arm64 where its instructions look for them", () => {
  for (const arch of ["x64", "arm64"]) {
    const code = handlerCode(arch, ADDRESSES);
    assert(code);
    for (const address of Object.values(ADDRESSES)) {
      assert.equal(placesOf(code, address).length, 1, `${arch}: ${address.toString(16)}`);
    }
  }
  const arm = handlerCode("arm64", ADDRESSES);
  assert(arm);
  const view = new DataView(arm.buffer);
  for (const [at, address] of [[8, "note"], [24, "signal"], [36, "raise"]] as const) {
    const instruction = view.getUint32(at, true);
    assert.equal(instruction >>> 24, 0x58, "it loads from a place relative to itself");
    const target = at + 4 * (instruction >>> 5 & 0x7ffff);
    assert.equal(view.getBigUint64(target, true), ADDRESSES[address]);
    assert.equal(target % 8, 0);
  }
});

test("there is no handler for other processors", () => {
  assert.equal(handlerCode("riscv64", ADDRESSES), undefined);
});

function placesOf(code: Uint8Array, address: bigint): number[] {
  const view = new DataView(code.buffer);
  return Array.from({ length: code.byteLength - 7 }, (_, at) => at)
    .filter((at) => view.getBigUint64(at, true) === address);
}
