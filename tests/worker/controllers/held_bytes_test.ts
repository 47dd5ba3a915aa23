/** What all connections of a worker may hold together. */

import assert from "node:assert/strict";
import { HeldBytes, type Holder } from "../../../worker/controllers/held_bytes.ts";
import { test } from "../../lib/test.ts";

const MEBIBYTE = 2 ** 20;

class MadeUpHolder implements Holder {
  isSqueezed = false;

  constructor(public heldBytes: number, public bytesPerMs = 0) {}

  squeeze(isSqueezed: boolean): void {
    this.isSqueezed = isSqueezed;
  }
}

test("one controller may hold what its own bounds allow", () => {
  const one = new MadeUpHolder(256 * MEBIBYTE);
  new HeldBytes(() => [one]).look();
  assert.equal(one.isSqueezed, false);
});

test("of many that hold too much together, those with more than their share wait, but for the fastest", () => {
  const small = new MadeUpHolder(100_000, 10);
  const trickling = Array.from({ length: 100 }, () => new MadeUpHolder(4 * MEBIBYTE, 10));
  const fast = new MadeUpHolder(50 * MEBIBYTE, 100_000);
  const held = new HeldBytes(() => [small, ...trickling, fast]);
  held.look();
  assert.equal(small.isSqueezed, false);
  assert.equal(fast.isSqueezed, false);
  assert(trickling.every(({ isSqueezed }) => isSqueezed));
  for (const holder of trickling.slice(0, 90)) holder.heldBytes = 0;
  held.look();
  assert(trickling.every(({ isSqueezed }) => !isSqueezed), "all go on once there is room");
});

test("what has arrived is looked at again after every 8 MiB, not only from time to time", () => {
  const holder = new MadeUpHolder(1_000 * MEBIBYTE);
  const held = new HeldBytes(() => [holder, new MadeUpHolder(0)]);
  held.onReceived(8 * MEBIBYTE - 1);
  assert.equal(holder.isSqueezed, false);
  held.onReceived(1);
  assert.equal(holder.isSqueezed, true);
});

test("the more connections hold much, the less of a large payload is read at once, however many are idle", () => {
  const large = Array.from({ length: 4 }, () => new MadeUpHolder(MEBIBYTE));
  const idle = Array.from({ length: 100 }, () => new MadeUpHolder(MEBIBYTE / 2));
  const held = new HeldBytes(() => [...large, ...idle]);
  const most = held.largeReadBytesMax;
  held.look();
  assert.equal(held.largeReadBytesMax, MEBIBYTE + 64 * 1024);
  assert.equal(held.largeReadBytesMax, most / 4);
  large.push(...Array.from({ length: 124 }, () => new MadeUpHolder(MEBIBYTE)));
  held.look();
  assert.equal(held.largeReadBytesMax, most / 128);
  large.length = 0;
  held.look();
  assert.equal(held.largeReadBytesMax, most);
});
