/** Large outputs that a worker sends on as the slot writes them. */

import assert from "node:assert/strict";
import {
  type HugePlace,
  JOB_RESULT_PREFIX_BYTES,
  MalformedPayloadError,
  ResponseType,
  USAGE_BYTES,
  writeUint64,
} from "../../../protocol/mod.ts";
import type { SlotResponse } from "../../../worker/job.ts";
import { RelayedOutputs } from "../../../worker/slots/transport/relayed_output.ts";
import { test } from "../../lib/test.ts";

const BYTES = 3_000_000;
const HEAD_BYTES = USAGE_BYTES + JOB_RESULT_PREFIX_BYTES;

test("the response comes with its head, and what the slot writes is read in order", async () => {
  const { place, responses } = began();
  assert.equal(responses.length, 0);
  headIsThere(place);
  const [response] = responses;
  assert.equal(response?.payload, place.head);
  const { source } = response ?? {};
  assert.equal(source?.byteLength, BYTES);
  const reading = Promise.resolve(source?.read(0, 1_000));
  write(place, 0, 700_000);
  assert.deepEqual([...await reading as Uint8Array], pattern(0, 1_000));
  assert.deepEqual([...await source?.read(1_000, 500) as Uint8Array], pattern(1_000, 500));
  let at = 1_500;
  for (let written = 700_000; at < BYTES;) {
    if (written < BYTES) written += write(place, written, 900_000);
    const part = await source?.read(at, 1_000_000) as Uint8Array;
    assert.equal(part[0], at % 250);
    assert.equal(part.at(-1), (at + part.byteLength - 1) % 250);
    at += part.byteLength;
  }
  assert.equal(at, BYTES);
  await response?.ended;
  source?.close();
});

test("a slot waits while two parts are not sent, and goes on when one is, or when nobody wants them", async () => {
  for (const end of ["read", "close"] as const) {
    const { place, responses } = began();
    headIsThere(place);
    const { source } = responses[0] as SlotResponse;
    place.space(0);
    assert.equal(place.onFilled(10), undefined);
    place.space(10);
    const waits = place.onFilled(20);
    assert(waits);
    await source?.read(0, 10);
    if (end === "read") void source?.read(10, 10);
    else source?.close();
    await waits;
  }
});

test("after nobody wants it, the rest is taken without end", () => {
  const { place, responses } = began();
  headIsThere(place);
  responses[0]?.release?.();
  for (let at = 0; at < BYTES; at += write(place, at, 900_000));
});

test("if the slot is gone, what was written is still read, and then the source fails", async () => {
  const { place, responses } = began();
  headIsThere(place);
  const { source, ended } = responses[0] as SlotResponse;
  write(place, 0, 1_000);
  place.release();
  await ended;
  assert.equal((await source?.read(0, 5_000))?.byteLength, 1_000);
  await assert.rejects(Promise.resolve(source?.read(1_000, 5_000)), /slot has ended/);
});

test("one is under way from its head until all of it has come, or the slot is gone", async () => {
  for (const end of ["written", "gone"] as const) {
    const { place, responses, relayed } = began();
    assert.equal(relayed.ended, undefined);
    headIsThere(place);
    assert(relayed.ended);
    responses[0]?.release?.();
    if (end === "gone") place.release();
    else for (let at = 0; at < BYTES;) at += write(place, at, BYTES);
    await relayed.ended;
    assert.equal(relayed.ended, undefined);
  }
});

test("only a result has a place, and its head must name the size that was announced", () => {
  const { place, find } = began();
  assert.equal(find(ResponseType.ok, 1, 2 ** 31), undefined);
  assert.equal(find(ResponseType.okWithUsage, 1, 2 ** 41), undefined);
  assert.throws(() => place.onFilled(0), MalformedPayloadError);
});

function began() {
  const responses: SlotResponse[] = [];
  const relayed = new RelayedOutputs((response) => void responses.push(response));
  const { find } = relayed;
  const place = find(ResponseType.okWithUsage, 7, HEAD_BYTES + BYTES);
  assert(place);
  assert.equal(place.head.byteLength, HEAD_BYTES);
  return { responses, relayed, find, place };
}

function headIsThere(place: HugePlace): void {
  writeUint64(new DataView(place.head.buffer), HEAD_BYTES - 8, BYTES);
  assert.equal(place.onFilled(0), undefined);
}

/** The slot writes so many bytes, or as many as there is space for. */
function write(place: HugePlace, at: number, count: number): number {
  const space = place.space(at).subarray(0, count);
  for (let index = 0; index < space.byteLength; index++) space[index] = (at + index) % 250;
  place.onFilled(at + space.byteLength);
  return space.byteLength;
}

function pattern(at: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => (at + index) % 250);
}
