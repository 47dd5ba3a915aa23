/** When payloads are copied out of the buffers that they arrived in. */

import assert from "node:assert/strict";
import { type PayloadHolder, ReceiveBuffers } from "../../../worker/controllers/receive_buffers.ts";
import { test } from "../../lib/test.ts";

const BUFFER_BYTES = 256 * 1024;

/** Buffers are checked each time this much was received. */
const COMPACT_EVERY_BYTES = 16 * 1024 * 1024;
const BUFFERS = COMPACT_EVERY_BYTES / BUFFER_BYTES;

/** About what a job takes beside its payload. */
const JOB_BYTES = 64;

test("waiting jobs are looked at once for each 16 MiB that were received", () => {
  const received = new Received();
  received.buffers(BUFFERS - 1);
  assert.equal(received.looks, 0);
  received.buffers(1);
  assert.equal(received.looks, 1);
  received.buffers(BUFFERS - 1);
  assert.equal(received.looks, 1);
  received.buffers(1);
  assert.equal(received.looks, 2);
});

test("many payloads of one buffer count as one buffer", () => {
  const received = new Received();
  received.buffers(BUFFERS - 1);
  const buffer = new ArrayBuffer(BUFFER_BYTES - 1);
  for (let at = 0; at < 1_000; at++) received.payload(buffer, at, 1);
  assert.equal(received.looks, 0);
});

for (
  const [what, bytes, isCopied] of [
    ["a quarter of their buffer are not copied", BUFFER_BYTES / 4, false],
    ["less than a quarter of their buffer are copied", BUFFER_BYTES / 4 - 1, true],
  ] as const
) {
  test(`payloads that fill ${what}`, () => {
    const received = new Received();
    const buffer = new ArrayBuffer(BUFFER_BYTES);
    // Four jobs, each with what it takes beside its payload.
    const quarter = Math.floor(bytes / 4);
    const sizes = [quarter, quarter, quarter, bytes - 3 * quarter];
    const holders = sizes.map((size, job) => received.payload(buffer, job, size - JOB_BYTES));
    received.buffers(BUFFERS);
    for (const holder of holders) {
      assert.equal(holder.payload.buffer !== buffer, isCopied);
    }
  });
}

test("payloads in the buffer that is still being filled are not copied", () => {
  const received = new Received();
  received.buffers(BUFFERS - 1);
  const filling = new ArrayBuffer(BUFFER_BYTES);
  const { payload } = received.payload(filling, 0, 1);
  assert.equal(received.looks, 1);
  assert.equal(payload.buffer, filling);
});

test("a copied payload has the same bytes, and its buffer no others", () => {
  const received = new Received();
  const buffer = new ArrayBuffer(BUFFER_BYTES);
  new Uint8Array(buffer).set([1, 2, 3, 4, 5]);
  const holder = received.payload(buffer, 1, 3);
  received.buffers(BUFFERS);
  assert.deepEqual([...holder.payload], [2, 3, 4]);
  assert.equal(holder.payload.buffer.byteLength, 3);
});

/** Jobs that wait, and the buffers that they arrived in. */
class Received {
  readonly #holders: PayloadHolder[] = [];
  /** How often the waiting jobs were looked at. */
  looks = 0;
  readonly #buffers = new ReceiveBuffers(() => {
    this.looks += 1;
    return this.#holders;
  });

  /** Whole buffers arrive, whose jobs are answered at once. */
  buffers(count: number): void {
    for (let buffer = 0; buffer < count; buffer++) {
      this.#buffers.onReceived(new Uint8Array(BUFFER_BYTES));
    }
  }

  /** A job arrives, and waits. */
  payload(buffer: ArrayBuffer, at: number, bytes: number): PayloadHolder {
    const holder = { payload: new Uint8Array(buffer, at, bytes) };
    this.#holders.push(holder);
    this.#buffers.onReceived(holder.payload);
    return holder;
  }
}
