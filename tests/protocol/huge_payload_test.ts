/** Payloads over the limit: received into places part by part, and sent from sources in order. */

import assert from "node:assert/strict";
import {
  type BlobSource,
  DiscardedBlob,
  encodeFrame,
  type Frame,
  FrameDecoder,
  FrameWriter,
  type HugePlace,
  PayloadTooLargeError,
} from "../../protocol/mod.ts";
import { test } from "../lib/test.ts";

const LIMIT = 100;
const HEAD_BYTES = 20;
const BLOB_BYTES = 5_000;

test("a payload over the limit gets to its place the same however the bytes are cut, and so do the frames around it", () => {
  const payload = Uint8Array.from({ length: HEAD_BYTES + BLOB_BYTES }, (_, at) => at % 251);
  const small = (id: number) => encodeFrame({ type: 1, id, payload: Uint8Array.of(id) });
  const stream = joined([small(1), encodeFrame({ type: 3, id: 2, payload }), small(3)]);
  for (const cut of [1, 7, 16, 17, 18, 37, 38, 1_000, stream.byteLength]) {
    const place = new Place();
    const decoder = new FrameDecoder({ payloadBytesMax: LIMIT, findHugePlace: () => place });
    const frames: Frame[] = [];
    for (let at = 0; at < stream.byteLength; at += cut) {
      frames.push(...decoder.feed(stream.subarray(at, at + cut)));
    }
    assert.deepEqual(frames.map(({ id }) => id), [1, 2, 3], `cut into ${cut} bytes`);
    assert.equal(frames[1]?.huge, place);
    assert.deepEqual(frames[1]?.payload, payload.subarray(0, HEAD_BYTES));
    assert.deepEqual(place.blob, payload.subarray(HEAD_BYTES));
    assert.equal(decoder.heldBytes, 0);
    assert.equal(place.releases, 0);
  }
});

test("without a place, a payload over the limit is refused before any of it is read", () => {
  const asked: number[] = [];
  const decoder = new FrameDecoder({
    payloadBytesMax: LIMIT,
    findHugePlace: (...[, , bytes]) => void asked.push(bytes),
  });
  const frame = encodeFrame({ type: 3, id: 2, payload: new Uint8Array(LIMIT + 1) });
  assert.throws(() => decoder.feed(frame.subarray(0, 17)), PayloadTooLargeError);
  assert.deepEqual(asked, [LIMIT + 1]);
});

test("a place is released when the stream ends inside its payload", () => {
  const place = new Place();
  const decoder = new FrameDecoder({ payloadBytesMax: LIMIT, findHugePlace: () => place });
  const payload = new Uint8Array(HEAD_BYTES + BLOB_BYTES);
  decoder.feed(encodeFrame({ type: 3, id: 2, payload }).subarray(0, 1_000));
  assert.equal(decoder.heldBytes, 1_000);
  decoder.close();
  assert.equal(place.releases, 1);
});

test("what nobody keeps is read to its end, and what follows it is decoded", () => {
  const place = new DiscardedBlob(HEAD_BYTES, BLOB_BYTES, "no room");
  const decoder = new FrameDecoder({ payloadBytesMax: LIMIT, findHugePlace: () => place });
  const payload = new Uint8Array(HEAD_BYTES + BLOB_BYTES).fill(5);
  const next = encodeFrame({ type: 1, id: 3, payload: Uint8Array.of(9) });
  const frames = decoder.feed(joined([encodeFrame({ type: 3, id: 2, payload }), next]));
  assert.deepEqual(frames.map(({ id }) => id), [2, 3]);
  assert.deepEqual(frames[0]?.payload, payload.subarray(0, HEAD_BYTES));
});

test("a writer gives a blob that is sent part by part between what was written before and after it", () => {
  const writer = new FrameWriter();
  const closed: string[] = [];
  const blob = (name: string): BlobSource => ({
    byteLength: 2 ** 33,
    read: () => new Uint8Array(1),
    close: () => void closed.push(name),
  });
  writer.hugeFrame(6, 7, Uint8Array.of(1, 2, 3), blob("one"));
  writer.job(8, 9, blob("two"));
  assert.equal(writer.pendingBytes, 2 * 2 ** 33 + 17 + 3 + 17 + 16);
  assert.equal(writer.sourceBytes, 2 * 2 ** 33);
  const head = writer.take();
  assert(head);
  assert.equal(new DataView(head.buffer, head.byteOffset).getBigUint64(9, true), 2n ** 33n + 3n);
  assert.equal(writer.take(), undefined, "a blob comes next");
  const one = writer.takeSource();
  assert(one);
  assert.equal(writer.sourceBytes, 2 ** 33);
  writer.release(one);
  assert.deepEqual(closed, ["one"]);
  assert.equal(writer.takeSource(), undefined, "a head comes next");
  assert.equal(writer.take()?.byteLength, 17 + 16);
  writer.close();
  assert.deepEqual(closed, ["one", "two"]);
  assert.deepEqual([writer.pendingBytes, writer.sourceBytes], [0, 0]);
});

class Place implements HugePlace {
  readonly head = new Uint8Array(HEAD_BYTES);
  readonly blob = new Uint8Array(BLOB_BYTES);
  releases = 0;

  /** A window ends every 777 bytes. */
  space(at: number): Uint8Array<ArrayBuffer> {
    return this.blob.subarray(at, (Math.floor(at / 777) + 1) * 777);
  }

  onFilled(): undefined {}

  release(): void {
    this.releases += 1;
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}
