/** Which entries of a pack are whole, whatever was cut off and whichever lines of the journal are lost. */

import assert from "node:assert/strict";
import { PackIndex } from "../../../controller/output/pack_index.ts";
import { test } from "../../lib/test.ts";

/** The index of a pack that has so many bytes now. */
function indexOf(bytes: number): PackIndex {
  return new PackIndex({ bytes, endBefore: (end) => Math.min(end, bytes) });
}

test("an entry that a cut has removed is not whole, however much the pack has grown since", () => {
  const index = indexOf(60);
  index.onEntry(0, 20, 0);
  index.onEntry(20, 20, 1);
  index.onCut(40);
  index.onEntry(40, 20, 2);
  index.onCut(20); // the power failed
  index.onEntry(20, 40, 3);
  assert.deepEqual([20, 40].map((end) => index.isWhole(end, 0)), [true, false]);
  assert.equal(index.isWhole(60, 1), false);
  assert.equal(index.isWhole(60, 2), true);
  assert.equal(index.keptBytes, 60);
});

test("an entry in the place of an earlier one shows that the pack was cut, if the line that says so is lost", () => {
  const index = indexOf(30);
  index.onEntry(0, 10, 0);
  index.onEntry(10, 10, 1);
  const { epoch } = index;
  index.onEntry(10, 20, 2);
  assert.deepEqual([10, 20].map((end) => index.isWhole(end, epoch)), [true, false]);
  assert.equal(index.isWhole(30, index.epoch), true);
  assert.equal(index.lastKept?.at, 2);
});

test("a pack may have entries that no job has, if one was replaced, cut off, or its record is lost", () => {
  const plain = indexOf(20);
  plain.onEntry(0, 10, 0);
  plain.onEntry(10, 10, 1);
  assert.deepEqual([plain.hasMoreThan(2), plain.hasMoreThan(1)], [false, true]);
  const lost = indexOf(20);
  lost.onEntry(10, 10, 1);
  assert.equal(lost.hasMoreThan(1), true);
  const cut = indexOf(10);
  cut.onEntry(0, 10, 0);
  cut.onCut(5);
  assert.equal(cut.hasMoreThan(1), true);
});
