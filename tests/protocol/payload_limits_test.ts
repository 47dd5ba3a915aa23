/** How large payloads may be by what they mean. */

import assert from "node:assert/strict";
import {
  CompressedDecoder,
  encodeFrame,
  FrameDecoder,
  messageBytesMax,
  MessageType,
  PayloadTooLargeError,
  responseBytesMax,
  ResponseType,
} from "../../protocol/mod.ts";
import { test } from "../lib/test.ts";

const GIB = 2 ** 30;
const MIB = 2 ** 20;

test("of a controller's messages, only jobs, cores and what is unknown may have a gibibyte", () => {
  const large = Object.entries(MessageType)
    .filter(([, type]) => messageBytesMax(type, 2) === GIB).map(([name]) => name);
  assert.deepEqual(large, ["core", "job", "limitedJob"]);
  assert.equal(messageBytesMax(0xee, 2), GIB);
  assert.equal(messageBytesMax(MessageType.ping, 1), GIB, "it is unknown to version 1");
  assert.equal(messageBytesMax(MessageType.version, 1), 64 * 1024);
});

test("of a worker's responses, only results of jobs may have a gibibyte", () => {
  for (const [name, type] of Object.entries(ResponseType)) {
    const isResult = name === "ok" || name === "okWithUsage";
    assert.equal(responseBytesMax(type, true) === GIB, isResult, name);
    assert(responseBytesMax(type, false) <= 16 * MIB, name);
  }
  assert(responseBytesMax(0xee, true) < MIB);
});

test("a decoder refuses a payload over the limit of its kind by its header, compressed or not", () => {
  const limitPayload = (type: number) => type === 1 ? 2 * MIB : Infinity;
  const large = (type: number) =>
    encodeFrame({ type, id: 7, payload: new Uint8Array(2 * MIB + 1) }).subarray(0, 17);
  const plain = new FrameDecoder({ limitPayload });
  assert.deepEqual(plain.feed(large(2)), []);
  assert.throws(
    () => new FrameDecoder({ limitPayload }).feed(large(1)),
    new PayloadTooLargeError(7, 2 * MIB + 1, 2 * MIB),
  );
  const fits = encodeFrame({ type: 1, id: 8, payload: new Uint8Array(2 * MIB) });
  assert.equal(new FrameDecoder({ limitPayload }).feed(fits)[0]?.payload.byteLength, 2 * MIB);

  const compressed = new CompressedDecoder(new FrameDecoder(), {
    limitPayload,
    decompress: (bytes) => bytes,
    onBytes: () => {},
  });
  const head = large(1);
  const payload = Uint8Array.of(0, head.byteLength, 0, 0, 0, ...head);
  compressed.space().set(encodeFrame({ type: MessageType.compressed, id: 0, payload }));
  compressed.commit(17 + payload.byteLength);
  assert.throws(() => compressed.next(), PayloadTooLargeError);
});
