/** How many jobs have ended in each interval, in bounded memory. */

import assert from "node:assert/strict";
import { THROUGHPUT_POINTS_MAX } from "../../watch/snapshot.ts";
import { ThroughputSeries } from "../../watch/throughput.ts";
import { test } from "../lib/test.ts";

test("each second has the jobs that have ended in it, and how busy the slots were", () => {
  const series = new ThroughputSeries(1_000_000);
  series.onSample({ done: 3, failed: 0, slots: 4, slotsBusy: 2 }, 500);
  series.onSample({ done: 10, failed: 1, slots: 4, slotsBusy: 4 }, 1_000);
  series.onSample({ done: 12, failed: 1, slots: 8, slotsBusy: 8 }, 1_500);
  assert.deepEqual(series.all, {
    startedAt: 1_000_000,
    everyMs: 1_000,
    done: [10, 2],
    failed: [1, 0],
    slots: [4, 6],
    slotsBusy: [3, 6],
  });
});

test("whenever a series is told, no interval has more jobs than ended at any time, and none has no slots", () => {
  const series = new ThroughputSeries(0);
  for (const ms of [1_020, 1_980, 3_000, 4_000, 5_100, 8_700]) { // 20 jobs/s, and 10 that fail
    series.onSample({ done: ms / 50, failed: ms / 100, slots: 4, slotsBusy: 3 }, ms);
  }
  const { done, failed, slots, slotsBusy } = series.all;
  assert.deepEqual(done, [20, 20, 20, 20, 20, 20, 20, 20, 14]);
  assert.deepEqual(failed, [10, 10, 10, 10, 10, 10, 10, 10, 7]);
  assert.deepEqual([...new Set(slots)], [4]);
  assert.deepEqual([...new Set(slotsBusy)], [3]);
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
