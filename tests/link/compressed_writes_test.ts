/** When the frames of a link are compressed, and what becomes of them if a write fails. */

import assert from "node:assert/strict";
import { CompressedWrites } from "../../link/compressed_writes.ts";
import { FrameWriter, MessageType } from "../../protocol/mod.ts";
import { test } from "../lib/test.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";

test("runs of fewer bytes than may be compressed are sent as they are", async () => {
  for (const [payloadBytes, isWrapped] of [[1024 - 17 - 1, false], [1024 - 17, true]] as const) {
    const writer = new FrameWriter();
    const types: (number | undefined)[] = [];
    const writes = new CompressedWrites(writer, new VirtualClock(), (bytes) => {
      types.push(bytes[0]);
      return Promise.resolve();
    });
    writes.isOn = true;
    writer.frame(1, 1, new Uint8Array(payloadBytes));
    await writes.pump();
    assert.deepEqual(types, [isWrapped ? MessageType.compressed : 1]);
  }
});

test("when a write fails, memory of the caller's is given back", async () => {
  const writer = new FrameWriter();
  const failure = new Error("the connection is gone");
  const writes = new CompressedWrites(writer, new VirtualClock(), () => Promise.reject(failure));
  let released = 0;
  const place = new Uint8Array(1024 * 1024);
  writer.frameInPlace(1, 1, place.subarray(64), () => released += 1); // before it is room for a header
  await assert.rejects(writes.pump(), failure);
  writer.close();
  assert.equal(released, 1);
  assert.equal(writes.pendingBytes, 0);
});

test("what is left of a blob that is sent part by part counts as pending, and as not in memory", async () => {
  const writer = new FrameWriter();
  const counts: [number, number][] = [];
  const writes = new CompressedWrites(writer, new VirtualClock(), () => {
    counts.push([writes.pendingBytes + writer.pendingBytes, writes.sourceBytes]);
    return Promise.resolve();
  });
  const read = () => new Uint8Array(1_000_000);
  writer.hugeFrame(1, 1, new Uint8Array(3), { byteLength: 3_000_000, read, close: () => {} });
  writer.frame(1, 2, new Uint8Array(8));
  await writes.pump();
  assert.deepEqual(counts, [
    [3_000_025, 3_000_000],
    [2_000_025, 2_000_000],
    [1_000_025, 1_000_000],
    [25, 0],
    [0, 0],
  ]);
});
