/** The room for cores on the disk of a worker. */

import assert from "node:assert/strict";
import { DiskRoom } from "../../../worker/cores/disk_room.ts";
import { test } from "../../lib/test.ts";

const GIBIBYTE = 2 ** 30;

test("cores have a bound together, in use or not, with those that are announced", () => {
  let storedBytes = 0;
  const room = new DiskRoom(() => storedBytes, () => undefined, "/tmp/w");
  const giveBack = room.take(60 * GIBIBYTE);
  assert.throws(
    () => room.check(5 * GIBIBYTE),
    /no room for 5 GiB: its cores have 60 GiB, and may have 64 GiB;/,
  );
  room.check(4 * GIBIBYTE);
  storedBytes = 60 * GIBIBYTE;
  giveBack();
  giveBack(); // twice is once
  room.check(4 * GIBIBYTE);
  assert.throws(() => room.check(5 * GIBIBYTE), /try again when others have left/);
});

test("an eighth of the disk stays free, as far as it is not used by others", () => {
  let freeBytes = 8_000;
  const room = new DiskRoom(() => 8_000 - freeBytes, () => freeBytes, "/tmp/w");
  room.check(7_000);
  assert.throws(
    () => room.check(7_001),
    /no room for 6.84 KiB: the disk of its temporary folder "\/tmp\/w" has 7.81 KiB free, .* another TMPDIR$/,
  );
  freeBytes = 2_000;
  room.check(1_000);
  assert.throws(() => room.check(1_001));
});

test("what is announced and not written yet counts once, as taken", () => {
  const room = new DiskRoom(() => 0, () => 8_000, "/tmp/w");
  for (let count = 0; count < 7; count++) room.take(1_000);
  assert.throws(() => room.take(1));
});
