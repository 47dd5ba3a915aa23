/** What all connections of a worker may hold together. */

import assert from "node:assert/strict";
import { HeldBytes, type Holder } from "../../../worker/controllers/held_bytes.ts";
import { test } from "../../lib/test.ts";

const MEBIBYTE = 2 ** 20;

class MadeUpHolder implements Holder {
  isSqueezed = false;
  givenUp: string | undefined;
  isLoading = false;

  constructor(public heldBytes: number, public bytesPerMs = 0, public arrivingMs = 0) {}

  squeeze(isSqueezed: boolean): void {
    this.isSqueezed = isSqueezed;
  }

  giveUp(reason: string): void {
    this.givenUp = reason;
  }
}

test("one controller may hold what its own bounds allow", () => {
  const one = new MadeUpHolder(256 * MEBIBYTE);
  new HeldBytes(() => [one]).poll();
  assert.equal(one.isSqueezed, false);
});

test("several whose large messages arrive share less than those that have sent theirs", () => {
  const holders = [new MadeUpHolder(120 * MEBIBYTE, 10), new MadeUpHolder(100 * MEBIBYTE, 1)];
  new HeldBytes(() => holders).poll();
  assert.deepEqual(holders.map(({ isSqueezed }) => isSqueezed), [false, true]);
  const whole = [new MadeUpHolder(120 * MEBIBYTE), new MadeUpHolder(100 * MEBIBYTE)];
  new HeldBytes(() => whole).poll();
  assert(whole.every(({ isSqueezed }) => !isSqueezed));
});

test("of many that hold too much together, those with more than their share wait, but for the fastest", () => {
  const small = new MadeUpHolder(100_000, 10);
  const trickling = Array.from({ length: 100 }, () => new MadeUpHolder(4 * MEBIBYTE, 10));
  const fast = new MadeUpHolder(50 * MEBIBYTE, 100_000);
  const held = new HeldBytes(() => [small, ...trickling, fast]);
  held.poll();
  assert.equal(small.isSqueezed, false);
  assert.equal(fast.isSqueezed, false);
  assert(trickling.every(({ isSqueezed }) => isSqueezed));
  for (const holder of trickling.slice(0, 90)) holder.heldBytes = 0;
  held.poll();
  assert(trickling.every(({ isSqueezed }) => !isSqueezed), "all go on once there is room");
});

test("a large job waits while others hold much and its core is still to load", () => {
  const loading = new MadeUpHolder(200 * MEBIBYTE, 100_000);
  const other = new MadeUpHolder(100 * MEBIBYTE, 10);
  loading.isLoading = true;
  const held = new HeldBytes(() => [loading, other]);
  held.poll();
  assert.deepEqual([loading.isSqueezed, other.isSqueezed], [true, false]);
  other.heldBytes = 0;
  loading.isLoading = false;
  held.poll();
  assert.equal(loading.isSqueezed, false);
});

test("a message that goes on while others wait goes on to its end, also when another one was faster", () => {
  const first = new MadeUpHolder(200 * MEBIBYTE, 100_000, 3_000);
  const second = new MadeUpHolder(200 * MEBIBYTE, 90_000, 3_000);
  const held = new HeldBytes(() => [first, second]);
  held.poll();
  first.bytesPerMs = 30_000;
  held.poll();
  assert.deepEqual([first.isSqueezed, second.isSqueezed], [false, true]);
  first.heldBytes = 100_000;
  held.poll();
  assert.deepEqual([first.isSqueezed, second.isSqueezed], [false, false]);
});

test("a peer that stops in the message that goes on is given up before another one goes on", () => {
  const stopping = Array.from(
    { length: 64 },
    (_, index) => new MadeUpHolder(8 * MEBIBYTE, 100_000 - index, 100),
  );
  const held = new HeldBytes(() => stopping.filter(({ givenUp }) => givenUp === undefined));
  held.poll();
  const [first, second] = stopping as [MadeUpHolder, MadeUpHolder];
  assert.equal(first.isSqueezed, false);
  first.heldBytes = 86 * MEBIBYTE;
  first.bytesPerMs = 10_000;
  held.poll();
  assert.deepEqual(stopping.filter(({ givenUp }) => givenUp), [], "it has not been read for long");
  first.arrivingMs = 2_000;
  held.poll();
  assert.match(first.givenUp ?? "", /others waited/);
  assert.deepEqual(stopping.filter(({ isSqueezed }) => !isSqueezed), [second]);
  assert.equal(second.givenUp, undefined);
});

test("what has arrived is looked at again after every 8 MiB, not only from time to time", () => {
  const holder = new MadeUpHolder(1_000 * MEBIBYTE);
  const held = new HeldBytes(() => [holder, new MadeUpHolder(0)]);
  held.onReceived(8 * MEBIBYTE - 1);
  assert.equal(holder.isSqueezed, false);
  held.onReceived(1);
  assert.equal(holder.isSqueezed, true);
});

test("when half of the memory is held, what has arrived is looked at after every 512 KiB", () => {
  const holders = [new MadeUpHolder(150 * MEBIBYTE), new MadeUpHolder(1)];
  const held = new HeldBytes(() => holders);
  held.poll();
  for (const holder of holders) holder.heldBytes = 150 * MEBIBYTE;
  held.onReceived(MEBIBYTE / 2 - 1);
  assert.equal(holders[0]?.isSqueezed, false);
  held.onReceived(1);
  assert.equal(holders[0]?.isSqueezed, true);
});

test("the more connections hold much, the less of a large payload is read at once, however many are idle", () => {
  const large = Array.from({ length: 4 }, () => new MadeUpHolder(MEBIBYTE));
  const idle = Array.from({ length: 100 }, () => new MadeUpHolder(MEBIBYTE / 2));
  const held = new HeldBytes(() => [...large, ...idle]);
  const most = held.largeReadBytesMax;
  held.poll();
  assert.equal(held.largeReadBytesMax, MEBIBYTE + 64 * 1024);
  assert.equal(held.largeReadBytesMax, most / 4);
  large.push(...Array.from({ length: 124 }, () => new MadeUpHolder(MEBIBYTE)));
  held.poll();
  assert.equal(held.largeReadBytesMax, most / 128);
  large.length = 0;
  held.poll();
  assert.equal(held.largeReadBytesMax, most);
});
