/** What the scripts of the page make of numbers, texts and series. */

import assert from "node:assert/strict";
import { RUN_END_TEXTS, type RunEnd } from "../../controller/output/run_ending.ts";
import { badgeOf, endText } from "../../web/page/badge.js";
import { pointsOf } from "../../web/page/charts.js";
import {
  formatBytes,
  formatDuration,
  formatNoun,
  formatRate,
  formatShort,
  shown,
} from "../../web/page/format.js";
import { test } from "../lib/test.ts";

test("durations, rates and bytes are short, and change their units in the right places", () => {
  const durations = [
    0,
    9_999,
    10_000,
    59_999,
    60_000,
    3_599_999,
    3_600_000,
    86_400_000,
    90_000_000,
  ];
  assert.deepEqual(durations.map(formatDuration), [
    ...["0.0 s", "10.0 s", "10 s", "59 s", "1m 0s", "59m 59s", "1h 0m", "1d 0h", "1d 1h"],
  ]);
  assert.deepEqual([0, 0.256, 12.34, 99.94, 9_876.5].map(formatRate), [
    ...["0", "0.256", "12.3", "99.9", "9,877"],
  ]);
  assert.deepEqual([0, 999, 1_000, 1_234_567, 1e21].map(formatBytes), [
    ...["0 B", "999 B", "1 kB", "1.23 MB", "1,000,000 PB"],
  ]);
  assert.deepEqual([0.0123, 1.234, 412, 2_500].map(formatShort), [
    ...["12.3 µs", "1.23 ms", "412 ms", "2.5 s"],
  ]);
  assert.deepEqual([formatNoun(1, "job"), formatNoun(1_234, "job")], ["1 job", "1,234 jobs"]);
});

test("a run that has ended says how many of its jobs failed, in the color of failures", () => {
  const run = {
    ...{ phase: "running", waitsFor: null, ending: null, jobs: { failed: 1_600 } } as const,
  };
  const waiting = { ...run, waitsFor: "a worker" };
  assert.deepEqual(badgeOf(waiting, true), { text: "ended, 1,600 failed", kind: "bad" });
  assert.deepEqual(badgeOf({ ...run, jobs: { failed: 0 } }, true), { text: "ended", kind: "good" });
  const interrupted = { ...run, ending: { end: "interrupted", left: 1_969 } } as const;
  assert.deepEqual(badgeOf(interrupted, true), { text: "interrupted", kind: "bad" });
  assert.equal(endText(interrupted.ending), "was interrupted, with 1,969 jobs left");
  assert.equal(endText(null), "has ended");
  for (const [end, text] of Object.entries(RUN_END_TEXTS)) {
    assert.equal(
      endText({ end: end as RunEnd }),
      text,
      "the page has the words of status and report",
    );
  }
  assert.deepEqual(badgeOf(run, false), { text: "running", kind: "good" });
  assert.deepEqual(badgeOf(waiting, false), { text: "waits for a worker", kind: "bad" });
});

test("foreign texts are one line, and show bytes that are not UTF-8", () => {
  assert.equal(shown("a\nb\u202eg\u0000"), "a b g ");
  assert.equal(shown("caf\udce9.txt"), "caf\\xe9.txt");
  assert.equal(shown("👩‍🔬 <b>"), "👩‍🔬 <b>");
});

test("the last interval of a series counts by the time that has passed of it, or not at all", () => {
  const series = (done: number[]) => ({
    ...{ startedAt: 10_000, everyMs: 2_000, done },
    ...{ failed: done.map(() => 0), slots: done.map(() => 4), slotsBusy: done.map(() => 4) },
  });
  assert.deepEqual(pointsOf(series([20, 20, 10]), 15_000).done, [10, 10, 10]);
  assert.deepEqual(pointsOf(series([20, 20, 1]), 14_100).done, [10, 10]);
  assert.deepEqual(pointsOf(series([20, 20, 1]), 14_100).times, [11, 13]);
  assert.deepEqual(pointsOf(series([1]), 10_100).done, [10]);
  assert.deepEqual(pointsOf(series([]), 10_000).times, []);
});
