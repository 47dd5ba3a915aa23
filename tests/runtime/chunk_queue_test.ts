/** When a chunk queue pauses its source, and what a reader hears when the source ends. */

import assert from "node:assert/strict";
import { ChunkQueue } from "../../runtime/chunk_queue.ts";
import { test } from "../lib/test.ts";

/** With more unread bytes, the source is paused. */
const UNREAD_BYTES_MAX = 512 * 1024;

test("a source is paused above 512 KiB of unread bytes, and resumed when just that much is left", async () => {
  const asked: boolean[] = [];
  const queue = new ChunkQueue((isPaused) => void asked.push(isPaused));
  queue.push(new Uint8Array(UNREAD_BYTES_MAX));
  assert.deepEqual(asked, []);
  queue.push(new Uint8Array(2));
  assert.deepEqual(asked, [true]);
  await queue.read(new Uint8Array(1));
  assert.deepEqual(asked, [true]);
  await queue.read(new Uint8Array(1));
  assert.deepEqual(asked, [true, false]);
});

test("a queue that was emptied takes as much again before its source is paused", async () => {
  const asked: boolean[] = [];
  const queue = new ChunkQueue((isPaused) => void asked.push(isPaused));
  for (let round = 0; round < 3; round++) {
    queue.push(new Uint8Array(UNREAD_BYTES_MAX));
    assert.equal(await queue.read(new Uint8Array(2 * UNREAD_BYTES_MAX)), UNREAD_BYTES_MAX);
    const waiting = queue.read(new Uint8Array(UNREAD_BYTES_MAX));
    queue.push(new Uint8Array(UNREAD_BYTES_MAX));
    assert.equal(await waiting, UNREAD_BYTES_MAX);
  }
  assert.deepEqual(asked, []);
});

test("a reader that waits hears of the end", async () => {
  const queue = new ChunkQueue(() => {});
  const waiting = queue.read(new Uint8Array(1));
  queue.end();
  assert.equal(await waiting, null);
});

test("a reader that waits hears of the failure, and so does the next one", async () => {
  const queue = new ChunkQueue(() => {});
  const waiting = queue.read(new Uint8Array(1));
  queue.end(new Error("cable pulled"));
  await assert.rejects(waiting, /cable pulled/);
  await assert.rejects(queue.read(new Uint8Array(1)), /cable pulled/);
});

test("only the first end of a source counts, and nothing comes after it", async () => {
  const queue = new ChunkQueue(() => {});
  queue.push(Uint8Array.of(1));
  queue.end();
  queue.push(Uint8Array.of(2));
  queue.end(new Error("reset after the end"));
  const into = new Uint8Array(9);
  assert.deepEqual([await queue.read(into), into[0]], [1, 1]);
  assert.equal(await queue.read(into), null);
});

test("a source that has ended is neither paused nor resumed any more", async () => {
  const asked: boolean[] = [];
  const queue = new ChunkQueue((isPaused) => void asked.push(isPaused));
  queue.push(new Uint8Array(UNREAD_BYTES_MAX + 1));
  queue.end();
  await queue.read(new Uint8Array(2 * UNREAD_BYTES_MAX));
  assert.deepEqual(asked, [true]);
});

test("all that is unread is taken at once, behind what was read before, and the source goes on", async () => {
  const asked: boolean[] = [];
  const queue = new ChunkQueue((isPaused) => void asked.push(isPaused));
  queue.push(Uint8Array.of(2, 3));
  queue.push(Uint8Array.of(4));
  assert.deepEqual([...queue.takeAll(Uint8Array.of(1))], [1, 2, 3, 4]);
  queue.push(Uint8Array.of(5));
  const into = new Uint8Array(9);
  assert.deepEqual([await queue.read(into), into[0]], [1, 5]);
  queue.push(new Uint8Array(UNREAD_BYTES_MAX + 1));
  assert.equal(queue.takeAll(into).byteLength, 9 + UNREAD_BYTES_MAX + 1);
  assert.deepEqual(asked, [true, false]);
});

test("the memory of a large chunk is freed when all of it is read, unless it is a part of something", async () => {
  const queue = new ChunkQueue(() => {});
  const bytes = 64 * 1024;
  const alone = new Uint8Array(bytes).fill(1);
  const whole = new Uint8Array(2 * bytes).fill(2);
  const small = new Uint8Array(bytes - 1).fill(3);
  for (const chunk of [alone, whole.subarray(0, bytes), whole.subarray(bytes), small]) {
    queue.push(chunk);
  }
  const into = new Uint8Array(4 * bytes - 1);
  await queue.read(into.subarray(0, bytes - 1));
  assert.equal(alone.byteLength, bytes, "a byte of it is left");
  await queue.read(into.subarray(bytes - 1));
  const left = [alone, whole, small].map(({ byteLength }) => byteLength);
  assert.deepEqual(left, [0, 2 * bytes, bytes - 1]);
  const ends = [0, bytes - 1, bytes, 3 * bytes - 1, 3 * bytes, into.byteLength - 1];
  assert.deepEqual(ends.map((at) => into[at]), [1, 1, 2, 2, 3, 3]);
});
