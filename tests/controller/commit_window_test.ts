/** Tests of the bound on results that are being written. */

import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import { CommitWindow } from "../../controller/commit_window.ts";
import { test } from "../lib/test.ts";

const MIB = 1024 * 1024;

test("workers wait while over 64 results or 64 MiB are being written, until half is left", () => {
  for (const [bytes, full, half] of [[1, 65, 32], [16 * MIB, 5, 2]] as const) {
    const calls: boolean[] = [];
    const window = new CommitWindow((isFull) => calls.push(isFull));
    for (let begun = 1; begun < full; begun++) window.onBegun(bytes);
    assert.deepEqual(calls, [], "the window is not full yet");
    window.onBegun(bytes);
    window.onBegun(bytes);
    assert.deepEqual(calls, [true], "it is told once");
    for (let left = full + 1; left > half + 1; left--) window.onEnded(bytes);
    assert.deepEqual(calls, [true], "more than half is left");
    window.onEnded(bytes);
    assert.deepEqual(calls, [true, false]);
  }
});

test("64 results of 64 MiB are not too many, one more is, and so is one byte more", () => {
  for (
    const [sizes, isFull] of [
      [Array(64).fill(MIB), false],
      [Array(65).fill(1), true],
      [[64 * MIB], false],
      [[64 * MIB, 1], true],
    ] as const
  ) {
    const calls: boolean[] = [];
    const window = new CommitWindow((isFull) => calls.push(isFull));
    for (const bytes of sizes) window.onBegun(bytes);
    assert.deepEqual(calls, isFull ? [true] : []);
  }
});

test("a window is empty when the last result is written", async () => {
  const window = new CommitWindow(() => {});
  await window.empty();
  window.onBegun(1);
  window.onBegun(1);
  let isEmpty = false;
  const empty = window.empty().then(() => isEmpty = true);
  window.onEnded(1);
  await new Promise((resolve) => setImmediate(resolve));
  assert(!isEmpty && !window.isEmpty);
  window.onEnded(1);
  await empty;
  assert(window.isEmpty);
});
