/** What the scripts of the page make of numbers, texts and series. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { RUN_END_TEXTS, type RunEnd } from "../../controller/output/journal/run_ending.ts";
import * as format from "../../system/format.ts";
import { badgeOf, endText } from "../../web/page/badge.js";
import { pointsOf, ratesOf } from "../../web/page/charts.js";
import * as page from "../../web/page/format.js";
import fc from "../lib/properties.ts";
import { runs } from "../lib/random.ts";
import { test } from "../lib/test.ts";

test("the page writes times, counts, rates and bytes as the rest of distcomp does", () => {
  const nanoseconds = fc.nat(1e6).map((ns) => ns / 1e6); // nothing is measured more exactly
  const microseconds = fc.nat(1e6).map((us) => us / 1e3);
  const year = fc.nat(364 * 86_400_000);
  const ms = fc.oneof(nanoseconds, microseconds, fc.nat(100_000), year);
  const count = fc.oneof(fc.double({ min: 0, max: 2_000, noNaN: true }), fc.nat(), fc.nat(1e15));
  const same = <T>(values: fc.Arbitrary<T>, own: (value: T) => string, other: typeof own) => {
    fc.assert(fc.property(values, (value) => assert.equal(own(value), other(value))), runs(500));
  };
  same(ms, page.formatDuration, format.formatDuration);
  same(ms, page.formatMeasured, format.formatMeasured);
  same(ms, page.formatTimeLeft, format.formatTimeLeft);
  same(count, page.formatRate, format.formatRate);
  same(fc.nat(1e15), page.formatBytes, format.formatBytes);
  same(fc.nat(), page.formatCount, format.formatCount);
  same(fc.nat(3), (jobs) => page.formatNoun(jobs, "job"), (jobs) => format.formatNoun(jobs, "job"));
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

test("who sees no colors can read all texts, and tell busy slots from idle ones and the parts of the bar", () => {
  const css = readFileSync(new URL("../../web/page/style.css", import.meta.url), "utf8");
  const [light, dark] = [...css.matchAll(/:root \{([^}]*)\}/g)].map(([, colors = ""]) =>
    new Map([...colors.matchAll(/(--[\w-]+): (#\w{6});/g)].map(([, name, color]) => [name, color]))
  );
  for (const colors of [light, dark]) {
    const contrast = (one: string, other: string) =>
      contrastOf(colors?.get(one), colors?.get(other));
    for (const text of ["--text", "--quiet", "--done", "--failed", "--busy", "--warning"]) {
      for (const ground of ["--page", "--card"]) assert(contrast(text, ground) >= 4.5, text);
    }
    // The parts of the bar have a gap between them, through which the idle part is seen.
    for (const part of ["--done", "--failed-part", "--busy", "--new"]) {
      assert(contrast(part, "--idle") >= 3, part);
    }
    const apart = [["--done", "--failed-part"], ["--new", "--older"], ["--older", "--oldest"]];
    for (const [one = "", other = ""] of apart) assert(contrast(one, other) >= 1.8, one);
  }
});

test("foreign texts are one line, and show bytes that are not UTF-8", () => {
  assert.equal(page.shown("a\nb\u202eg\u0000"), "a b g ");
  const styled = "\u001b[31mred\u001b[0m \u001b]8;;x\u0007link\u001b[2Jend \u001b]no end";
  assert.equal(page.shown(styled), format.printable(styled));
  assert.equal(page.shown("caf\udce9.txt"), "caf\\xe9.txt");
  assert.equal(page.shown("👩‍🔬 <b>"), "👩‍🔬 <b>");
});

test("the last interval of a series counts by the time that has passed of it, or not at all", () => {
  assert.deepEqual(pointsOf(series([20, 20, 10]), 5_000).done, [10, 10, 10]);
  assert.deepEqual(pointsOf(series([20, 20, 1]), 4_100).done, [10, 10]);
  assert.deepEqual(pointsOf(series([20, 20, 1]), 4_100).times, [11, 13]);
  assert.deepEqual(pointsOf(series([1]), 100).done, [10]);
  assert.deepEqual(pointsOf(series([]), 0).times, []);
});

test("the page tells no rate that there never was: failed jobs count, and an interval only when it is over", () => {
  assert.deepEqual(ratesOf(series([20, 10, 9], [4, 0, 0]), 4_300), { most: 12, mean: 10 });
  assert.deepEqual(ratesOf(series([0, 30]), 3_000), { most: 10, mean: 10 });
  assert.deepEqual(ratesOf(series([30]), 1_500), { most: 20, mean: 20 });
  assert.deepEqual(ratesOf(series([]), 0), { most: 0, mean: 0 });
});

/** As WCAG 2 defines it, of two colors such as `#15803d`. */
function contrastOf(one = "", other = ""): number {
  const [dark = 0, light = 0] = [luminanceOf(one), luminanceOf(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

function luminanceOf(color: string): number {
  const [red = NaN, green = NaN, blue = NaN] = [1, 3, 5].map((at) => {
    const part = parseInt(color.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function series(done: number[], failed = done.map(() => 0)) {
  const slots = done.map(() => 4);
  return { startedAt: 10_000, everyMs: 2_000, done, failed, slots, slotsBusy: slots };
}
