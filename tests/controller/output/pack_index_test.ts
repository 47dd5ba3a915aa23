/** Which entries of a pack its journal knows, and which of them the pack has lost. */

import assert from "node:assert/strict";
import { PackIndex } from "../../../controller/output/pack/pack_index.ts";
import { test } from "../../lib/test.ts";

/** The index of a pack that has so many bytes now. */
function indexOf(bytes: number): PackIndex {
  return new PackIndex({ bytes, endBefore: (end) => Math.min(end, bytes) });
}

test("entries stay up to the last one that the pack has as a whole", () => {
  const index = indexOf(35);
  index.onEntry(0, 20, 0);
  assert.equal(index.hasLost, false);
  index.onEntry(20, 10, 1);
  index.onEntry(30, 10, 2);
  assert.deepEqual([index.keptBytes, index.lastKept?.at, index.hasLost], [30, 1, true]);
  const nothing = indexOf(5);
  nothing.onEntry(0, 20, 0);
  assert.deepEqual([nothing.keptBytes, nothing.lastKept, nothing.hasLost], [0, undefined, true]);
  assert.equal(nothing.first?.at, 0);
});

test("what a packed file cannot be cut behind is lost", () => {
  const index = new PackIndex({ bytes: 35, endBefore: (end) => end < 30 ? 0 : 30 });
  index.onEntry(0, 20, 0);
  assert.deepEqual([index.keptBytes, index.hasLost], [0, true]);
  index.onEntry(20, 10, 1);
  assert.deepEqual([index.keptBytes, index.hasLost], [30, false]);
});

test("a pack may have entries that no job has, if one was replaced or its record is lost", () => {
  const plain = indexOf(20);
  plain.onEntry(0, 10, 0);
  plain.onEntry(10, 10, 1);
  assert.deepEqual([plain.hasMoreThan(2), plain.hasMoreThan(1)], [false, true]);
  const lost = indexOf(20);
  lost.onEntry(10, 10, 1);
  assert.equal(lost.hasMoreThan(1), true);
});
