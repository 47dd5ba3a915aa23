/** Which reads of a socket go straight into the reader's memory, and that all bytes arrive in order then. */

import assert from "node:assert/strict";
import process from "node:process";
import { detectRuntime } from "../../runtime/detect.ts";
import { DirectReads } from "../../runtime/native/direct_reads.ts";
import { test, testUnless } from "../lib/test.ts";

const notLinux = process.platform === "linux" ? undefined : "only Linux has them";
const MEBIBYTE = 2 ** 20;
const LARGE = new Uint8Array(MEBIBYTE);
const SMALL = new Uint8Array(16 * 1024);

testUnless(
  notLinux,
  "reads of something large are direct, and so is the first small one after them",
  () => {
    const { reads, asked } = directReads([100, 200, 300]);
    assert.equal(reads.read(7, SMALL, false), 0);
    assert.equal(reads.read(7, LARGE, true), 100);
    assert.equal(reads.read(7, SMALL, false), 200);
    assert.equal(reads.read(7, SMALL, false), 0);
    assert.deepEqual(asked, [[7, MEBIBYTE], [7, 16 * 1024]]);
  },
);

testUnless(
  notLinux,
  "where nothing has come, or the connection is broken, the runtime has to look",
  () => {
    const { reads } = directReads([-1, 0]);
    assert.equal(reads.read(7, LARGE, true), 0);
    assert.equal(reads.read(7, LARGE, true), 0);
    assert.equal(reads.read(-1, LARGE, true), 0, "it is closed");
  },
);

testUnless(notLinux, "after 4 MiB the runtime has its turn", () => {
  const { reads, asked } = directReads(Array.from({ length: 9 }, () => MEBIBYTE));
  while (reads.read(7, LARGE, true) > 0) continue;
  assert.equal(asked.length, 4);
  reads.onTurn();
  while (reads.read(7, LARGE, true) > 0) continue;
  assert.equal(asked.length, 8);
});

test("a stream that is read in large and small parts gives all bytes in order, and its end", async () => {
  const runtime = await detectRuntime();
  const listener = runtime.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
  const [accepted, dialed] = await Promise.all([
    listener.accept(),
    runtime.dial(listener.address, 10_000),
  ]);
  assert(accepted);
  const sent = new Uint8Array(24 * MEBIBYTE + 12_345);
  new Uint32Array(sent.buffer, 0, 6 * MEBIBYTE).forEach((_, at, words) => words[at] = at);
  const writing = dialed.write(sent).then(() => dialed.endWrites());
  let filled = 0;
  for (let part = 0;; part++) {
    const into = part % 3 === 0 ? SMALL : LARGE;
    const bytes = await accepted.read(into, into === LARGE);
    if (bytes === null) break;
    const expected = sent.subarray(filled, filled + bytes);
    assert(expected.every((byte, at) => byte === into[at]), `${bytes} bytes at ${filled}`);
    filled += bytes;
  }
  assert.equal(filled, sent.byteLength);
  await writing;
  for (const stream of [accepted, dialed, listener]) stream.close();
});

/** Direct reads of a socket that gives these numbers of bytes, and what it was asked. */
function directReads(results: number[]) {
  const asked: [fd: number, count: number][] = [];
  const recv = (fd: number, _: Uint8Array, count: number) => {
    asked.push([fd, count]);
    return results.shift() ?? 0;
  };
  return { reads: new DirectReads(() => ({ recv })), asked };
}
