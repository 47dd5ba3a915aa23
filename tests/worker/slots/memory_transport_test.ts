/** Which way jobs and outputs take between a worker and a slot, and what the slot is told about its outputs. */

import assert from "node:assert/strict";
import type { Link } from "../../../link/link.ts";
import { nextTurn } from "../../../runtime/clock.ts";
import { PAGE_BYTES } from "../../../runtime/native/shared_memory.ts";
import {
  encodeSharedOutput,
  SLOT_HAS_MEMORY,
  SLOT_OUTPUT_TAKEN,
  SLOT_SHARED_JOB,
  SLOT_SHARED_OUTPUT,
} from "../../../slot/protocol.ts";
import { isScarce } from "../../../slot/regions.ts";
import type { PlacedPayload } from "../../../worker/job.ts";
import type { HugeInput } from "../../../worker/slots/transport/huge_input.ts";
import { MemoryTransport } from "../../../worker/slots/transport/memory_transport.ts";
import { ProcessMemory } from "../../../worker/slots/transport/process_memory.ts";
import { test } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";

const LARGE_BYTES = 64 * 1024;
const JOB_PREFIX_BYTES = 16;
const JOB = new Uint8Array(JOB_PREFIX_BYTES);
const NOTHING = new Uint8Array(0);
const USAGE = { startUs: 1, runUs: 2, cpuUs: 3, memoryBytes: 4, slot: 0 };

/** The first of the few largest regions. */
const SCARCE = Array.from({ length: 1_000 }, (_, index) => index).find(isScarce) ?? -1;

test("a slot gets jobs through memory only once it has said that it has the memory", () => {
  const { transport, sent } = transports();
  assert(!transport.place(LARGE_BYTES, JOB_PREFIX_BYTES));
  transport.send(1, { payload: new Uint8Array(LARGE_BYTES), place: undefined });
  assert.notEqual(sent.at(-1)?.[0], SLOT_SHARED_JOB);
  transport.responseIn({ type: SLOT_HAS_MEMORY, id: 0, payload: NOTHING });
  transport.send(2, { payload: new Uint8Array(LARGE_BYTES), place: undefined });
  assert.equal(sent.at(-1)?.[0], SLOT_SHARED_JOB);
});

test("a job whose input is in the memory of another slot is copied, and its old place is free", () => {
  const { transport: other } = transports(true);
  const { transport, sent } = transports(true);
  const place = other.place(LARGE_BYTES, JOB_PREFIX_BYTES);
  assert(place);
  place.payload.fill(7, JOB_PREFIX_BYTES);
  const job: PlacedPayload = { payload: place.payload, place };
  transport.send(1, job);
  assert.equal(sent.at(-1)?.[0], SLOT_SHARED_JOB);
  assert.deepEqual([other.placedJobs, transport.placedJobs], [0, 1]);
  assert.notEqual(job.place, place);
  assert.equal(job.payload[JOB_PREFIX_BYTES], 7);
});

test("a slot is told with its next job which outputs were taken, and without a job after 24 of them", () => {
  const { transport, told } = transports(true);
  for (let region = 0; region < 24; region++) take(transport, region);
  assert.deepEqual(told(), []);
  take(transport, 24);
  assert.equal(told().length, 25);
  take(transport, 0);
  transport.send(1, { payload: new Uint8Array(1), place: undefined });
  assert.equal(told().length, 26);
});

test("of the largest regions a slot is told after two: it has few", () => {
  const { transport, told } = transports(true);
  for (let region = SCARCE; region < SCARCE + 2; region++) take(transport, region);
  assert.deepEqual(told(), []);
  take(transport, SCARCE + 2);
  assert.equal(told().length, 3);
});

test("jobs behind a large input that moves are sent after it, in order", async () => {
  const { transport, sent } = transports(true);
  const { input, moved } = movingInput();
  transport.sendHuge(1, { payload: JOB }, input, assert.fail);
  transport.sendHuge(2, { payload: JOB }, movingInput(true).input, assert.fail);
  transport.send(3, { payload: JOB });
  assert.equal(sent.length, 0);
  moved.resolve(true);
  await nextTurn();
  assert.deepEqual(sent.map(([, id]) => id), [1, 2, 3]);
});

test("if a large input cannot move, the process fails; if the process is gone, nothing is sent to it", async () => {
  for (const isClosed of [false, true]) {
    const { transport, sent, link } = transports(true);
    const { input, moved } = movingInput();
    let failures = 0;
    transport.sendHuge(1, { payload: JOB }, input, () => failures += 1);
    transport.send(2, { payload: JOB });
    link.isClosed = isClosed;
    moved.resolve(isClosed);
    await nextTurn();
    assert.deepEqual([failures, sent.length], isClosed ? [0, 0] : [1, 1]);
  }
});

/** A large input in other memory, which moves when the test says so. */
function movingInput(hasMoved?: boolean) {
  const moved = Promise.withResolvers<boolean>();
  if (hasMoved !== undefined) moved.resolve(hasMoved);
  const input = { owner: {}, bytes: 10, moveTo: () => moved.promise } as unknown as HugeInput;
  return { input, moved };
}

/** The slot has an output in a region, and somebody takes it. */
function take(transport: MemoryTransport, region: number): void {
  const payload = encodeSharedOutput({ region, bytes: LARGE_BYTES, exitCode: 0, usage: USAGE });
  const response = transport.responseIn({ type: SLOT_SHARED_OUTPUT, id: 1, payload });
  assert(response?.release);
  response.release();
}

/** A transport over made-up memory, and the types and ids of what was sent through the socket. */
function transports(isTaken = false) {
  const sent: [type: number, id: unknown][] = [];
  const link = { isClosed: false, send: (type: number, id: unknown) => void sent.push([type, id]) };
  const memory = ProcessMemory.create({
    clock: new VirtualClock(),
    createMemory: (byteLength) => ({
      byteLength,
      fd: -1,
      view: (_, bytes) => new Uint8Array(bytes),
      viewWithHead: (_, bytes) => new Uint8Array(PAGE_BYTES + bytes),
      window: (_, bytes) => ({ bytes: new Uint8Array(bytes), close: () => {} }),
      discard: () => {},
      closeDescriptors: () => {},
      close: () => {},
    }),
  });
  assert(memory);
  const transport = new MemoryTransport(link as unknown as Link, memory, 0);
  if (isTaken) transport.responseIn({ type: SLOT_HAS_MEMORY, id: 0, payload: NOTHING });
  const told = () => sent.filter(([type]) => type === SLOT_OUTPUT_TAKEN);
  return { transport, sent, link, told };
}
