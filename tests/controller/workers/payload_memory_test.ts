/** Memory of inputs and outputs is used again, and never while somebody needs it. */

import assert from "node:assert/strict";
import { PayloadMemory } from "../../../controller/workers/payload_memory.ts";
import { Choices, randomTest, RUNS_ALL, SEED } from "../../lib/random.ts";
import { test } from "../../lib/test.ts";

const LARGE = 1024 * 1024;
const STEP_BYTES = 16 * 1024;
const FREE_BYTES_MAX = 16 * LARGE;

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

test("memory that is given back while it is sent is not lent again, nor what was never lent", () => {
  const memory = new PayloadMemory();
  const first = taken(memory, LARGE);
  memory.onReferenced(first);
  memory.onReferenced(first);
  memory.onReleased(first); // one of two workers has it
  memory.give(first);
  memory.onReleased(first);
  memory.give(first);
  memory.give(new Uint8Array(LARGE));
  assert.equal(memory.freeBytes, 0);
});

test("memory that was sent is lent again", () => {
  const memory = new PayloadMemory();
  const first = taken(memory, LARGE);
  for (let times = 0; times < 2; times++) {
    memory.onReferenced(first.subarray(1));
    memory.onReferenced(first);
    memory.onReleased(first);
    memory.onReleased(first.subarray(1));
  }
  memory.give(first);
  assert.equal(taken(memory, LARGE).buffer, first.buffer);
});

test("what is free is bounded: sixteen megabytes stay, and of one more the oldest size goes", () => {
  const memory = new PayloadMemory();
  const steps = Array.from(
    { length: FREE_BYTES_MAX / STEP_BYTES },
    () => taken(memory, STEP_BYTES),
  );
  const last = taken(memory, 2 * STEP_BYTES);
  for (const bytes of steps) memory.give(bytes);
  assert.equal(memory.freeBytes, FREE_BYTES_MAX);
  memory.give(last);
  assert.equal(memory.freeBytes, FREE_BYTES_MAX);
  assert.equal(taken(memory, 2 * STEP_BYTES).buffer, last.buffer);
  const free = new Set(steps.map(({ buffer }) => buffer));
  const lent = steps.map(() => taken(memory, STEP_BYTES).buffer);
  assert.equal(lent.filter((buffer) => free.has(buffer)).length, steps.length - 2);
  assert.equal(new Set(lent).size, lent.length);
});

test("when contents of one size have filled what is kept, those of another size still find memory", () => {
  const memory = new PayloadMemory();
  const known = new Set<ArrayBuffer>();
  const small = Array.from({ length: 2_000 }, () => taken(memory, STEP_BYTES));
  for (const bytes of small) memory.give(bytes);
  for (let round = 0; round < 3; round++) {
    const large = Array.from({ length: 8 }, () => taken(memory, LARGE));
    for (const bytes of large) memory.give(bytes);
    if (round > 0) assert(large.every(({ buffer }) => known.has(buffer)));
    for (const { buffer } of large) known.add(buffer);
  }
});

test("contents of 16 KiB to a megabyte and 64 KiB are lent memory, smaller and larger ones are not", () => {
  const memory = new PayloadMemory();
  const max = LARGE + 64 * 1024;
  assert.equal(memory.take(STEP_BYTES - 1), undefined);
  assert.equal(taken(memory, STEP_BYTES).byteLength, STEP_BYTES);
  assert.equal(taken(memory, max).byteLength, max);
  assert.equal(memory.take(max + 1), undefined);
});

randomTest(
  "memory is never lent twice at a time, however it is taken, given and sent",
  async () => {
    const choices = new Choices(SEED);
    const memory = new PayloadMemory();
    const lent: Uint8Array<ArrayBuffer>[] = [];
    for (let step = 0; step < (RUNS_ALL ? 100_000 : 5_000); step++) {
      if (choices.onceIn(2) || lent.length === 0) {
        lent.push(taken(memory, choices.between(STEP_BYTES, LARGE)));
        assert.equal(new Set(lent.map(({ buffer }) => buffer)).size, lent.length);
      } else {
        const [bytes = assert.fail()] = lent.splice(choices.below(lent.length), 1);
        if (choices.onceIn(8)) memory.onReferenced(bytes);
        memory.give(bytes);
        if (choices.onceIn(4)) memory.give(bytes); // the second time it is not lent
      }
      assert(memory.freeBytes <= FREE_BYTES_MAX);
    }
    await Promise.resolve();
  },
);

function taken(memory: PayloadMemory, bytes: number): Uint8Array<ArrayBuffer> {
  const room = memory.take(bytes);
  assert(room);
  return room;
}
