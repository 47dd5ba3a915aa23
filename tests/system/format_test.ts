/** Tests of formatted numbers and text. */

import assert from "node:assert/strict";
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatMeasured,
  formatNoun,
  formatRate,
  formatTimeLeft,
  printable,
} from "../../system/format.ts";
import fc from "../lib/properties.ts";
import { test } from "../lib/test.ts";

const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

function assertAll<T>(format: (value: T) => string, cases: [T, string][]): void {
  for (const [value, text] of cases) assert.equal(format(value), text);
}

test("counts have commas between thousands", () => {
  assertAll(formatCount, [[0, "0"], [999, "999"], [1000, "1,000"], [1_234_567, "1,234,567"]]);
});

test("one of a thing is singular, every other number is plural", () => {
  const jobs = (count: number) => formatNoun(count, "job");
  assertAll(jobs, [[0, "0 jobs"], [1, "1 job"], [2, "2 jobs"], [1000, "1,000 jobs"]]);
});

test("rates have three digits", () => {
  assertAll(formatRate, [
    [0, "0"],
    [0.01234, "0.0123"],
    [1.5, "1.5"],
    [12.345, "12.3"],
    [999.4, "999"],
    [999.6, "1,000"],
    [123_456, "123,000"],
    [0.000012345, "0.0000123"],
    [1e-9, "0"],
  ]);
});

test("bytes are in powers of a thousand, with three digits", () => {
  assertAll(formatBytes, [
    [0, "0 B"],
    [999, "999 B"],
    [999.5, "1 kB"],
    [1234, "1.23 kB"],
    [999_499, "999 kB"],
    [999_500, "1 MB"],
    [1.5e9, "1.5 GB"],
    [3e15, "3 PB"],
  ]);
});

test("a duration has its two largest units, and a digit more where it is short", () => {
  assertAll(formatDuration, [
    [0, "0ms"],
    [0.0004, "400ns"],
    [0.0123, "12µs"],
    [0.4, "400µs"],
    [0.9999, "1ms"],
    [2, "2ms"],
    [4.2, "4.2ms"],
    [12.3, "12ms"],
    [420, "420ms"],
    [999.7, "999ms"],
    [12_345, "12.3s"],
    [60_000, "1m"],
    [245_000, "4m 5s"],
    [3_723_000, "1h 2m"],
    [76 * 3_600_000, "3d 4h"],
  ]);
});

test("a measured time has two digits below a second", () => {
  assertAll(formatMeasured, [
    [0.1234, "120µs"],
    [1.234, "1.2ms"],
    [412, "410ms"],
    [996, "1s"],
    [2_530, "2.5s"],
  ]);
});

test("the time left is in whole seconds, and never none", () => {
  assertAll(formatTimeLeft, [
    [0, "1s"],
    [1_499, "1s"],
    [1_500, "2s"],
    [12_345, "12s"],
    [59_500, "1m"],
    [245_000, "4m 5s"],
  ]);
});

test("a longer time left is never shown as a shorter one", () => {
  const secondsOf = (text: string) =>
    text.split(" ").reduce(
      (sum, part) => sum + parseFloat(part) * (SECONDS[part.at(-1) ?? ""] ?? NaN),
      0,
    );
  const ms = fc.nat(100 * 86_400_000);
  fc.assert(fc.property(ms, ms, (one, other) => {
    const [shorter, longer] = one < other ? [one, other] : [other, one];
    assert(secondsOf(formatTimeLeft(shorter)) <= secondsOf(formatTimeLeft(longer)));
  }));
});

test("untrusted text becomes one line without control characters", () => {
  assertAll(printable, [
    ["plain text, äöü, 𝄞", "plain text, äöü, 𝄞"],
    ["two\nlines", "two lines"],
    ["a\r\n\tb", "a b"],
    ["\u009b2J\u0007\u007f", " "],
    ["invoice\u202etxt.exe", "invoice txt.exe"],
    ["\u2066a\u2069\u200f\u200eb\u061cc\u2028d", " a b c d"],
    ["a family 👨‍👩‍👧 and ك‌", "a family 👨‍👩‍👧 and ك‌"],
  ]);
});

test("colors and links leave nothing in a text, and sequences that move the cursor a space", () => {
  assertAll(printable, [
    ["\u001b[31mred\u001b[0m", "red"],
    ["\u001b[1;38;2;9;9;9merror\u001b[m\u001b[K: no", "error: no"],
    ["\u001b(Bplain\u009b0m", "plain"],
    ["see \u001b]8;;https://a.example\u001b\\here\u001b]8;;\u0007.", "see here."],
    ["a\u001b[2K\u001b[1;5Hb", "a b"],
    ["cut off \u001b[38;2", "cut off  "],
  ]);
});

test("a sequence without an end hides nothing behind it, and costs no more than other text", () => {
  assert.equal(printable("\u001b]0;no end"), " ]0;no end");
  assert.equal(printable("\u001b]0;no end\nnext\u0007"), " ]0;no end next ");
  assert.equal(printable("\u001b[31ä\u001b"), " [31ä ");
  const length = 300_000; // minutes, if each escape were compared with all that follows
  for (const part of ["\u001b]", "\u001b[", "\u001b[1;", "\u001b]8;;", "\u009b1", "\u001b[ "]) {
    assert(printable(part.repeat(length)).length <= part.length * length);
  }
});
