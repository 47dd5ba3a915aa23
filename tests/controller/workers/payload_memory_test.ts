/** Memory of inputs and outputs is used again, and never while somebody needs it. */

import assert from "node:assert/strict";
import { PayloadMemory } from "../../../controller/workers/payload_memory.ts";
import { test } from "../../lib/test.ts";

const LARGE = 1024 * 1024;

test("memory that was given back is lent again, once, also for contents of similar sizes", () => {
  const memory = new PayloadMemory();
  const first = taken(memory, LARGE);
  memory.give(first.subarray(12)); // a part of it stands for the whole
  memory.give(first);
  const [second, third] = [taken(memory, LARGE - 100), taken(memory, LARGE)];
  assert.equal(second.buffer, first.buffer);
  assert.notEqual(third.buffer, first.buffer);
  assert.equal(second.byteLength, LARGE - 100);
});

test("memory that somebody else may need is not lent again, nor what was never lent", () => {
  const memory = new PayloadMemory();
  const first = taken(memory, LARGE);
  memory.keep(first);
  memory.give(first);
  memory.give(new Uint8Array(LARGE));
  assert.equal(memory.freeBytes, 0);
});

test("what is free is bounded, and a content beyond a megabyte gets no memory before it has arrived", () => {
  const memory = new PayloadMemory();
  const lent = Array.from({ length: 100 }, () => taken(memory, LARGE));
  for (const bytes of lent) memory.give(bytes);
  assert(memory.freeBytes <= 16 * 1024 * 1024, `${memory.freeBytes} bytes are free`);
  assert.equal(memory.take(2 * LARGE), undefined);
  assert.equal(memory.take(100), undefined);
});

function taken(memory: PayloadMemory, bytes: number): Uint8Array<ArrayBuffer> {
  const room = memory.take(bytes);
  assert(room);
  return room;
}
