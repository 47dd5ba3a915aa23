/** How many jobs have ended in each interval, in bounded memory. */

import assert from "node:assert/strict";
import { THROUGHPUT_POINTS_MAX } from "../../watch/snapshot.ts";
import { ThroughputSeries } from "../../watch/throughput.ts";
import { test } from "../lib/test.ts";

test("each second has the jobs that have ended in it, and how busy the slots were", () => {
  const series = new ThroughputSeries(1_000_000);
  series.onSample({ done: 3, failed: 0, slots: 4, slotsBusy: 2 }, 500);
  series.onSample({ done: 10, failed: 1, slots: 4, slotsBusy: 4 }, 900);
  series.onSample({ done: 12, failed: 1, slots: 8, slotsBusy: 8 }, 3_100);
  assert.deepEqual(series.all, {
    startedAt: 1_000_000,
    everyMs: 1_000,
    done: [10, 0, 0, 2],
    failed: [1, 0, 0, 0],
    slots: [4, 0, 0, 8],
    slotsBusy: [3, 0, 0, 8],
  });
});

test("the throughput of a long run has longer intervals and no more points, and loses no job", () => {
  const series = new ThroughputSeries(0);
  const seconds = 100_000;
  for (let second = 0; second < seconds; second++) {
    series.onSample({ done: 2 * second, failed: second, slots: 4, slotsBusy: 1 }, 1_000 * second);
  }
  const { everyMs, done, failed, slots, slotsBusy } = series.all;
  assert.equal(everyMs, 256_000);
  assert.equal(done.length, Math.ceil(seconds * 1_000 / everyMs));
  assert(done.length <= THROUGHPUT_POINTS_MAX);
  const sum = (numbers: readonly number[]) => numbers.reduce((one, other) => one + other, 0);
  assert.equal(sum(done), 2 * (seconds - 1));
  assert.equal(sum(failed), seconds - 1);
  assert.deepEqual([done[1], slots[1], slotsBusy[1]], [512, 4, 1]);
});
