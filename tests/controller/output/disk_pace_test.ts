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

test("three files in a row that take 2 ms or more are a slow disk, however long each takes, or one of 100 ms", () => {
  for (const [ms, files] of [[2, 3], [SLOW_MS, 3], [99, 3], [100, 1], [30_000, 1]] as const) {
    const pace = new DiskPace(new VirtualClock());
    for (let file = 1; file < files; file++) pace.add(ms);
    assert(pace.isFast, `${files - 1} files of ${ms} ms`);
    pace.add(ms);
    assert(!pace.isFast, `${files} files of ${ms} ms`);
  }
});

test("a slow disk is measured again after half a second, then so seldom that it takes 2 % of the time, and one fast file makes it fast", async () => {
  for (const [ms, afterMs] of [[SLOW_MS, 500], [200, 10_000]] as const) {
    const clock = new VirtualClock();
    const pace = new DiskPace(clock);
    while (pace.isFast) pace.add(ms);
    for (const waitMs of [500, afterMs, afterMs]) {
      assert(!pace.isFast);
      await clock.advance(waitMs - 1);
      assert(!pace.isFast, "it is still slow");
      await clock.advance(1);
      assert(pace.isFast, "the next file is measured");
      pace.add(ms);
    }
    await clock.advance(afterMs);
    pace.add(FAST_MS);
    assert(pace.isFast);
  }
});
