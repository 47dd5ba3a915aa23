/** The memory that a worker shares with a process: its regions, and what is left in them. */

import assert from "node:assert/strict";
import { statSync } from "node:fs";
import process from "node:process";
import {
  HEADER_BYTES,
  JOB_RESULT_PREFIX_BYTES,
  MalformedPayloadError,
  readUsage,
  USAGE_BYTES,
} from "../../../protocol/mod.ts";
import { detectRuntime } from "../../../runtime/detect.ts";
import type { SharedMemory } from "../../../runtime/native/shared_memory.ts";
import { encodeSharedOutput } from "../../../slot/protocol.ts";
import { DATA_AT, regionOf } from "../../../slot/regions.ts";
import type { JobPlace, SlotResponse } from "../../../worker/job.ts";
import { ProcessMemory } from "../../../worker/slots/transport/process_memory.ts";
import { test, testUnless } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";

const notLinux = process.platform === "linux" ? undefined : "only Linux has such memory";
const runtime = await detectRuntime();

const PREFIX_BYTES = 16;
const FIELDS_BYTES = USAGE_BYTES + JOB_RESULT_PREFIX_BYTES;
const USAGE = { startUs: 5_000_000, runUs: 1200, cpuUs: 900, memoryBytes: 4096, slot: 2 };
const MEBIBYTE = 2 ** 20;
const clock = new VirtualClock();

test("without shared memory in the system there is none", () => {
  assert.equal(ProcessMemory.create({ clock }), undefined);
});

testUnless(
  notLinux,
  "an input is aligned, and the fields of its message are right before it",
  () => {
    using memory = create();
    for (const prefix of [PREFIX_BYTES, 36]) {
      const place = placed(memory, 100_000, prefix);
      assert.equal(place.at % 64, 0);
      assert.equal((place.payload.byteOffset + prefix) % 64, 0);
      assert.equal(place.payload.byteLength, 100_000 + prefix);
    }
  },
);

testUnless(notLinux, "behind an input are zeros, however long the one before it was", () => {
  using memory = create();
  for (const bytes of [500_000, 400_000, 70_000, 499_999, 65_536 - DATA_AT, 40_000]) {
    const place = placed(memory, bytes);
    const after = new Uint8Array(place.payload.buffer, DATA_AT + bytes);
    assert(after.every((byte) => byte === 0), `${bytes} bytes`);
    place.payload.fill(255);
    place.release();
  }
});

testUnless(notLinux, "regions are few, and free again once they are released", () => {
  using memory = create();
  const places: JobPlace[] = [];
  const large = 64 * MEBIBYTE;
  for (let place = memory.place(large, 16); place; place = memory.place(large, 16)) {
    places.push(place);
  }
  assert(places.length >= 4 && places.length <= 16, `${places.length} large ones`);
  assert.equal(new Set(places.map(({ at }) => at)).size, places.length);
  places[2]?.release();
  assert.equal(placed(memory, large).at, places[2]?.at);
  assert.equal(memory.place(2 ** 31, 16), undefined, "larger than a payload may be");
});

testUnless(notLinux, "the memory of huge inputs goes back to the system at once", () => {
  using memory = create();
  const [inputs = -1] = memory.descriptors;
  const places = [1, 2, 3, 4].map(() => placed(memory, 32 * MEBIBYTE));
  for (const { payload } of places) payload.fill(1);
  assert(takenBytes(inputs) >= 128 * MEBIBYTE);
  for (const place of places) place.release();
  assert(takenBytes(inputs) <= 16 * MEBIBYTE, `${takenBytes(inputs)} bytes`);
  assert.equal(memory.usedCount, 0);
});

testUnless(
  notLinux,
  "after a second without inputs what was used last is kept, and what was not used for longest goes back",
  async () => {
    using memory = create();
    useTwentyMebibytes(memory);
    const [inputs = -1] = memory.descriptors;
    assert(takenBytes(inputs) >= 20 * MEBIBYTE, "more inputs may come");
    await clock.advance(1_000);
    const before = takenBytes(inputs);
    assert(before > 12 * MEBIBYTE && before <= 16 * MEBIBYTE, `${before} bytes`);
    // The next ones are where memory is.
    for (let count = 0; count < 8; count++) placed(memory, MEBIBYTE).payload.fill(1);
    assert.equal(takenBytes(inputs), before);
  },
);

testUnless(
  notLinux,
  "no memory goes back while there are inputs, and no timer is left when the process is gone",
  async () => {
    using memory = create();
    useTwentyMebibytes(memory);
    const [inputs = -1] = memory.descriptors;
    const next = placed(memory, MEBIBYTE);
    await clock.advance(10_000);
    assert(takenBytes(inputs) >= 20 * MEBIBYTE);
    next.release();
    assert.equal(clock.timers, 1);
    memory.onGone();
    assert.equal(clock.timers, 0);
  },
);

testUnless(notLinux, "what was announced, and of which little has come, takes little", () => {
  using memory = create();
  const [inputs = -1] = memory.descriptors;
  const place = placed(memory, 1000 * MEBIBYTE);
  place.payload.fill(1, 0, 5000);
  assert(takenBytes(inputs) <= 64 * 1024, `${takenBytes(inputs)} bytes`);
  place.release();
  placed(memory, MEBIBYTE).payload.fill(1);
  assert(takenBytes(inputs) <= 2 * MEBIBYTE);
});

testUnless(
  notLinux,
  "an output is a response, and its region is the slot's again when it is released",
  () => {
    using memory = create();
    const taken: number[] = [];
    const payload = encodeSharedOutput({ region: 3, bytes: 4, exitCode: -7, usage: USAGE });
    const frame = { type: 0, id: 5, payload };
    const response = memory.response(frame, (region) => taken.push(region));
    assert.deepEqual([response.type, response.id], [6, 5]);
    assert.deepEqual(readUsage(response.payload), USAGE);
    const result = [...response.payload.subarray(USAGE_BYTES)];
    assert.deepEqual(result, [249, 255, 255, 255, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert.throws(() => memory.response(frame, () => {}), MalformedPayloadError, "it is in use");
    assert.equal(memory.outputBytes, 4);
    response.release?.();
    assert.deepEqual(taken, [3]);
    memory.response(frame, () => {}).release?.();
  },
);

testUnless(
  notLinux,
  "a core that writes to its output after it was announced changes neither header nor fields of the message",
  () => {
    using memory = create();
    const response = responseIn(memory, 0, 100_000);
    const { buffer, byteOffset } = response.payload;
    const header = new Uint8Array(buffer, byteOffset - HEADER_BYTES, HEADER_BYTES);
    header.fill(7);
    const fields = response.payload.slice(0, FIELDS_BYTES);
    memory.outputs.view(0, MEBIBYTE).fill(255);
    assert(
      response.payload.subarray(FIELDS_BYTES).every((byte) => byte === 255),
      "it is the output",
    );
    assert.deepEqual(response.payload.slice(0, FIELDS_BYTES), fields);
    assert.deepEqual(header, new Uint8Array(HEADER_BYTES).fill(7));
  },
);

testUnless(
  notLinux,
  "outputs are right in all regions at once, and in regions that are used again",
  () => {
    using memory = create(64);
    const regions = Array.from({ length: 128 }, (_, index) => index);
    for (const bytes of [40_000, 300_000, 64]) {
      const responses = regions.map((index) => {
        memory.outputs.view(regionOf(index)?.at ?? -1, bytes).fill(index + 1);
        return responseIn(memory, index, bytes);
      });
      for (const [index, { payload, release }] of responses.entries()) {
        assert.equal(payload.byteLength, FIELDS_BYTES + bytes);
        assert(payload.byteOffset >= HEADER_BYTES, "there is room for a header");
        assert(
          payload.subarray(FIELDS_BYTES).every((byte) => byte === index + 1),
          `output ${index}`,
        );
        release?.();
      }
    }
  },
);

testUnless(notLinux, "an output that cannot be there is an error", () => {
  using memory = create();
  const room = regionOf(0)?.byteLength ?? 0;
  const wrong = [{ region: 1000, bytes: 4 }, { region: 0, bytes: room + 1 }, {
    region: 0,
    bytes: 2 ** 60,
  }];
  for (const output of wrong) {
    const payload = encodeSharedOutput({ ...output, exitCode: 0, usage: USAGE });
    assert.throws(
      () => memory.response({ type: 0, id: 5, payload }, () => {}),
      MalformedPayloadError,
    );
  }
  const short = { type: 0, id: 5, payload: new Uint8Array(3) };
  assert.throws(() => memory.response(short, () => {}), MalformedPayloadError);
});

testUnless(
  notLinux,
  "the memory of a process that is gone stays as long as something in it is needed",
  () => {
    const memory = create();
    const [inputs = -1, outputs = -1] = memory.descriptors;
    const [inputsFile, outputsFile] = [fileOf(inputs), fileOf(outputs)];
    const place = placed(memory, MEBIBYTE);
    const payload = encodeSharedOutput({ region: 0, bytes: 4, exitCode: 0, usage: USAGE });
    const response = memory.response(
      { type: 0, id: 5, payload },
      () => assert.fail("nobody hears"),
    );
    memory.onGone();
    assert.equal(memory.place(MEBIBYTE, 16), undefined);
    place.payload.fill(1);
    assert.equal(fileOf(inputs), inputsFile);
    place.release();
    assert.notEqual(fileOf(inputs), inputsFile, "an output that nobody reads keeps no inputs");
    assert.notEqual(
      fileOf(outputs),
      outputsFile,
      "an output that nobody reads keeps no descriptor",
    );
    assert.equal(response.payload[USAGE_BYTES + 4], 4);
    response.release?.();
  },
);

testUnless(
  notLinux,
  "outputs of a process that is gone and that nobody reads keep no memory beside their own",
  () => {
    const bytesOfOne = 128 * 1024;
    const memory = create();
    const discarded: number[][] = [];
    const discard = memory.outputs.discard.bind(memory.outputs);
    memory.outputs.discard = (at, bytes) => {
      discarded.push([at, bytes]);
      discard(at, bytes);
    };
    responseIn(memory, 0, bytesOfOne).release?.();
    const unread = responseIn(memory, 1, bytesOfOne);
    memory.outputs.view(regionOf(1)?.at ?? -1, bytesOfOne).fill(7);
    assert.deepEqual(discarded, []);
    memory.onGone();
    assert.deepEqual(discarded, [[regionOf(0)?.at, bytesOfOne]]);
    assert(unread.payload.subarray(FIELDS_BYTES).every((byte) => byte === 7));
    const late = responseIn(memory, 2, bytesOfOne); // it was announced before the end
    unread.release?.();
    assert.equal(late.payload.byteLength, FIELDS_BYTES + bytesOfOne);
    late.release?.();
  },
);

/**
 * The memory, and that of its outputs as the other process sees it. `headsMax`: how many outputs can have a head that
 * only this process has; others are copied.
 */
function create(
  headsMax = Infinity,
): ProcessMemory & Disposable & { readonly outputs: SharedMemory } {
  const made: SharedMemory[] = [];
  const memory = ProcessMemory.create({
    clock,
    createMemory: (bytes, writer) => {
      const one = runtime.createMemory?.(bytes, writer);
      if (one) made.push(withHeads(one, headsMax));
      return one;
    },
  });
  assert(memory && made[1]);
  return Object.assign(memory, { outputs: made[1], [Symbol.dispose]: () => memory.onGone() });
}

function withHeads(memory: SharedMemory, headsMax: number): SharedMemory {
  const places = new Set<number>();
  const viewWithHead = memory.viewWithHead.bind(memory);
  return Object.assign(memory, {
    viewWithHead: (at: number, bytes: number) => {
      if (places.size < headsMax) places.add(at);
      return places.has(at) ? viewWithHead(at, bytes) : undefined;
    },
  });
}

/** The response to a job whose output of so many bytes is in a region. */
function responseIn(memory: ProcessMemory, region: number, bytes: number): SlotResponse {
  const payload = encodeSharedOutput({ region, bytes, exitCode: 3, usage: USAGE });
  return memory.response({ type: 0, id: 5, payload }, () => {});
}

function placed(memory: ProcessMemory, bytes: number, prefix = PREFIX_BYTES): JobPlace {
  const place = memory.place(bytes + prefix, prefix);
  assert(place);
  return place;
}

/** Twenty inputs at once, which are done then. */
function useTwentyMebibytes(memory: ProcessMemory): void {
  const places = Array.from({ length: 20 }, () => placed(memory, MEBIBYTE));
  for (const { payload } of places) payload.fill(1);
  for (const place of places) place.release();
}

function takenBytes(fd: number): number {
  return 512 * statSync(`/proc/self/fd/${fd}`).blocks;
}

/** The file of a descriptor, not its number: another test in this process may open a file with that at once. */
function fileOf(fd: number): number | undefined {
  return statSync(`/proc/self/fd/${fd}`, { throwIfNoEntry: false })?.ino;
}
