/** Huge inputs in shared memory: where they are, that they can move, and that their memory is given back. */

import assert from "node:assert/strict";
import { statSync } from "node:fs";
import process from "node:process";
import { DiscardedBlob, HUGE_BLOB_BYTES_MAX } from "../../../protocol/mod.ts";
import { nextTurn } from "../../../runtime/clock.ts";
import { detectRuntime } from "../../../runtime/detect.ts";
import type { SharedMemory } from "../../../runtime/native/shared_memory.ts";
import { HUGE_INPUTS_AT, HUGE_MEMORY_BYTES } from "../../../slot/regions.ts";
import { HugeInput, ownInput, WINDOW_BYTES } from "../../../worker/slots/transport/huge_input.ts";
import { HugeInputs } from "../../../worker/slots/transport/huge_inputs.ts";
import { ProcessMemory } from "../../../worker/slots/transport/process_memory.ts";
import { withMemory } from "../../lib/made_up_system.ts";
import { test, testUnless } from "../../lib/test.ts";

const runtime = await detectRuntime();
const notLinux = process.platform === "linux" ? undefined : "only Linux has such memory";

/** So large that it ends in a second window. */
const BYTES = WINDOW_BYTES + 1_000_001;
const HEAD_BYTES = 16;

testUnless(notLinux, "an input moves to the memory of a slot, byte for byte", async () => {
  const memory = ProcessMemory.create(runtime);
  const own = ownInput(runtime, BYTES, HEAD_BYTES + 20);
  const place = memory?.placeHuge(BYTES, HEAD_BYTES);
  assert(memory && own && place);
  own.head.fill(3);
  const random = new Uint32Array(65_536 / 4).map((_, at) => at * 2_654_435_761);
  fill(own, new Uint8Array(random.buffer));
  assert(await own.moveTo(place));
  assert(own.isReleased);
  assert.equal(place.at % 64, 0);
  assert.equal(place.missingBytes, 0);
  for (let at = 0; at < BYTES; at += 65_536) {
    const part = place.space(at).subarray(0, 65_536);
    assert.deepEqual(part, new Uint8Array(random.buffer).subarray(0, part.byteLength), `${at}`);
  }
  place.release();
  memory.onGone();
});

testUnless(notLinux, "others have their turn while an input moves", async () => {
  const { own, place, memory } = arrived();
  let hasMoved = false;
  const moved = own.moveTo(place).then((isWhole) => hasMoved = isWhole);
  await nextTurn();
  assert.deepEqual([hasMoved, place.missingBytes > 0], [false, true]);
  await moved;
  assert(hasMoved);
  place.release();
  memory.onGone();
});

testUnless(
  notLinux,
  "an input that moves and moves on before it is there arrives whole",
  async () => {
    const { own, place, memory } = arrived();
    const second = ProcessMemory.create(runtime);
    const last = second?.placeHuge(BYTES, HEAD_BYTES);
    assert(second && last);
    const moved = own.moveTo(place);
    memory.onGone(); // its slot has crashed
    assert(await place.moveTo(last));
    assert(await moved && place.isReleased);
    const tail = last.space(BYTES - 4);
    assert.deepEqual(tail.subarray(0, 4), new Uint8Array(4).fill(5));
    last.release();
    second.onGone();
  },
);

testUnless(notLinux, "a move ends when its job does, and both places are free", async () => {
  const { own, place, memory } = arrived();
  const moved = own.moveTo(place);
  await nextTurn();
  place.release();
  assert.equal(await moved, false);
  assert(own.isReleased);
  assert.equal(memory.placedJobs, 0);
  memory.onGone();
});

testUnless(
  notLinux,
  "memory is taken as an input arrives, and given back when it is released",
  () => {
    const memory = ProcessMemory.create(runtime);
    const [fd = -1] = memory?.descriptors ?? [];
    const before = takenBytes(fd);
    const input = memory?.placeHuge(2 ** 40, HEAD_BYTES);
    assert(memory && input);
    assert.equal(memory.placedJobs, 1);
    assert(takenBytes(fd) - before < 65_536, "a tebibyte is announced, and none of it has come");
    input.space(0).fill(1, 0, 3_000_000);
    input.onFilled(3_000_000);
    assert(takenBytes(fd) - before >= 3_000_000);
    assert.equal(input.missingBytes, 2 ** 40 - 3_000_000);
    input.release();
    assert(takenBytes(fd) - before < 65_536);
    assert.equal(memory.placedJobs, 0);
    assert(memory.placeHuge(2 ** 40, HEAD_BYTES), "its room is free again");
    memory.onGone();
  },
);

test("an input that is larger than the free memory, less what is still to come, is discarded", () => {
  const inputs = inputsWith(10_000);
  const first = inputs.place(undefined, 6_000, HEAD_BYTES);
  assert(first instanceof HugeInput);
  const second = inputs.place(undefined, 6_000, HEAD_BYTES);
  assert(second instanceof DiscardedBlob);
  assert.match(
    second.reason,
    /of 5.86 KiB does not fit into the memory of this worker, which has 3.91 KiB free/,
  );
  first.onFilled(6_000); // it is in the memory that is free no more
  assert(inputs.place(undefined, 10_000, HEAD_BYTES) instanceof HugeInput);
});

testUnless(notLinux, "an input is refused where the memory of a slot has no room for it", () => {
  const limitedTo = (fileBytesMax: number) => ({
    createMemory: (bytes: number, writer: "this" | "other", fileBytes = bytes) =>
      fileBytes <= fileBytesMax ? runtime.createMemory?.(bytes, writer, fileBytes) : undefined,
  });
  assert.equal(ownInput(limitedTo(2 * BYTES), BYTES, HEAD_BYTES), undefined);
  const input = ownInput(limitedTo(HUGE_MEMORY_BYTES), BYTES, HEAD_BYTES);
  assert(input);
  input.release();
});

test("a worker has as many huge inputs as one slot has room for", () => {
  const inputs = inputsWith(2 ** 50);
  const places = HUGE_INPUTS_AT.map(() => inputs.place(undefined, 10, HEAD_BYTES));
  assert(places.every((place) => place instanceof HugeInput));
  const refused = inputs.place(undefined, 10, HEAD_BYTES);
  assert(refused instanceof DiscardedBlob);
  assert.match(refused.reason, /already has 16 inputs of more than 1 GiB, which is its limit; run/);
  places[3]?.release();
  assert(inputs.place(undefined, 10, HEAD_BYTES) instanceof HugeInput);
});

test("no input is larger than the memory of the machine, or than a tebibyte", () => {
  assert.equal(inputsWith(2 ** 50).bytesMax, HUGE_BLOB_BYTES_MAX);
  assert.equal(inputsWith(1_000).bytesMax, 1_000);
});

/** An input that has arrived in memory of the worker, and a place for it in that of a slot. */
function arrived() {
  const memory = ProcessMemory.create(runtime);
  const own = ownInput(runtime, BYTES, HEAD_BYTES);
  const place = memory?.placeHuge(BYTES, HEAD_BYTES);
  assert(memory && own && place);
  fill(own, new Uint8Array(65_536).fill(5));
  return { memory, own, place };
}

function inputsWith(bytes: number): HugeInputs {
  return new HugeInputs({
    placeAt: () => undefined,
    placeHere: (bytes, headBytes) => {
      const memory = { discard: () => {} } as unknown as SharedMemory;
      return new HugeInput({ memory, owner: {}, roomAt: 0, headBytes, bytes, onReleased() {} });
    },
    system: withMemory(bytes),
  });
}

function fill(input: HugeInput, pattern: Uint8Array): void {
  for (let at = 0; at < input.bytes;) {
    const space = input.space(at).subarray(0, pattern.byteLength - at % pattern.byteLength);
    const from = at % pattern.byteLength;
    space.set(pattern.subarray(from, from + space.byteLength));
    at += space.byteLength;
    input.onFilled(at);
  }
}

function takenBytes(fd: number): number {
  return 512 * statSync(`/proc/self/fd/${fd}`).blocks;
}
