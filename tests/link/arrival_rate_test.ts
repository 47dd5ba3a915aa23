/** How fast bytes arrive, by reads that are given. */

import assert from "node:assert/strict";
import { ArrivalRate } from "../../link/arrival_rate.ts";
import { test } from "../lib/test.ts";

const KIB = 1024;

test("the rate is the better one of the last two measurements, so that one stall is not a slow network", () => {
  const arrivals = new ArrivalRate();
  const measure = (ms: number) => arrivals.onRead(512 * KIB, ms, true);
  measure(512);
  assert.equal(arrivals.bytesPerMs, KIB);
  measure(5_120);
  assert.equal(arrivals.bytesPerMs, KIB, "one stall");
  measure(5_120);
  assert.equal(arrivals.bytesPerMs, KIB / 10);
  assert.equal(arrivals.measurements, 3);
});

test("reads between frames, and the first 64 KiB of a frame, measure nothing", () => {
  const arrivals = new ArrivalRate();
  for (let count = 0; count < 100; count++) {
    arrivals.onRead(512 * KIB, 1, false);
    arrivals.onRead(64 * KIB - 1, 1, true);
  }
  assert.equal(arrivals.measurements, 0);
  assert.equal(arrivals.bytesPerMs, undefined);
});
