/** Which answers are written before their outputs are freed. */

import assert from "node:assert/strict";
import { FreeTime } from "../../slot/free_time.ts";
import { test } from "../lib/test.ts";

test("an output took long to free if the next reading of the clock was more than 0.3 ms later", () => {
  const time = new FreeTime();
  assert.equal(time.isLong, false, "none was freed");
  for (const [tookUs, isLong] of [[300, false], [301, true], [10, false]] as const) {
    time.onBegin(1_000);
    time.onReading(1_000 + tookUs);
    assert.equal(time.isLong, isLong, `${tookUs} µs`);
  }
});

test("the time until the next job arrives is not that of an output", () => {
  const time = new FreeTime();
  time.onBegin(1_000);
  time.onReading(1_100);
  time.onReading(9_000_000);
  assert.equal(time.isLong, false);
});
