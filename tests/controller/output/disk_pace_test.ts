/** Fast and slow disks. */

import assert from "node:assert/strict";
import { DiskPace } from "../../../controller/output/disk_pace.ts";
import { test } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";

const FAST_MS = 0.05;
const SLOW_MS = 5;

test("a disk is fast until its outputs take long on average, and single slow ones do not count", () => {
  const pace = new DiskPace(new VirtualClock());
  assert(pace.isFast);
  for (let output = 0; output < 100; output++) {
    pace.add(output % 50 === 0 ? SLOW_MS / 2 : FAST_MS);
    assert(pace.isFast);
  }
  for (let output = 0; output < 100; output++) pace.add(1);
  assert(!pace.isFast);
});

test("a disk is slow from half a millisecond per output on, of which the newest output counts a tenth", () => {
  for (const [ms, isFast] of [[4.99, true], [5, false]] as const) {
    const pace = new DiskPace(new VirtualClock());
    pace.add(ms);
    assert.equal(pace.isFast, isFast);
  }
});

test("a slow disk is measured again after five seconds, and one fast output makes it fast", async () => {
  const clock = new VirtualClock();
  const pace = new DiskPace(clock);
  pace.add(SLOW_MS * 10);
  assert(!pace.isFast);
  await clock.advance(4_999);
  assert(!pace.isFast);
  await clock.advance(1);
  assert(pace.isFast, "the next output is measured");
  pace.add(SLOW_MS);
  assert(!pace.isFast, "it is still slow");
  await clock.advance(5_000);
  pace.add(FAST_MS);
  assert(pace.isFast);
});
