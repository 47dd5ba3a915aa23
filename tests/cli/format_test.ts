/** Numbers as people read them. */

import assert from "node:assert/strict";
import fc from "fast-check";
import {
  formatBytes,
  formatClock,
  formatCount,
  formatDuration,
  formatNoun,
  formatRate,
  printable,
} from "../../cli/format.ts";
import { test } from "../lib/test.ts";

function assertAll<T>(format: (value: T) => string, cases: [T, string][]): void {
  for (const [value, text] of cases) assert.equal(format(value), text);
}

test("counts have commas between thousands", () => {
  assertAll(formatCount, [[0, "0"], [999, "999"], [1000, "1,000"], [1_234_567, "1,234,567"]]);
});

test("one thing is singular, all other numbers are plural", () => {
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
  ]);
});

test("bytes are in powers of a thousand, with three digits", () => {
  assertAll(formatBytes, [
    [0, "0 B"],
    [999, "999 B"],
    [999.4, "999 B"],
    [999.5, "1 kB"],
    [1000, "1 kB"],
    [1234, "1.23 kB"],
    [999_499, "999 kB"],
    [999_500, "1 MB"],
    [1.5e9, "1.5 GB"],
    [2e12, "2 TB"],
    [3e15, "3 PB"],
    [4e19, "40,000 PB"],
  ]);
});

test("durations are in seconds up to a minute, and a clock's from then on", () => {
  assertAll(formatDuration, [
    [0, "0 s"],
    [4.2, "0.0042 s"],
    [420, "0.42 s"],
    [12_345, "12.3 s"],
    [59_940, "59.9 s"],
    [60_000, "1:00"],
    [245_000, "4:05"],
  ]);
});

test("a clock shows minutes, hours, and days only where there are many hours", () => {
  assertAll(formatClock, [
    [0, "0:00"],
    [499, "0:00"],
    [500, "0:01"],
    [59_499, "0:59"],
    [59_500, "1:00"],
    [3_599_499, "59:59"],
    [3_600_000, "1:00:00"],
    [3_723_000, "1:02:03"],
    [47 * 3_600_000, "47:00:00"],
    [48 * 3_600_000, "2 d 0 h"],
    [76 * 3_600_000, "3 d 4 h"],
  ]);
});

test("a longer time is never shown as a shorter one", () => {
  const ms = fc.nat(100 * 3_600_000);
  const secondsOf = (clock: string) => clock.split(":").reduce((sum, part) => 60 * sum + +part, 0);
  fc.assert(fc.property(ms, ms, (one, other) => {
    const [shorter, longer] = one < other ? [one, other] : [other, one];
    if (longer >= 48 * 3_600_000 - 500) return;
    assert(secondsOf(formatClock(shorter)) <= secondsOf(formatClock(longer)));
  }));
});

test("text of others becomes one line without effects", () => {
  assertAll(printable, [
    ["plain text, äöü, 𝄞", "plain text, äöü, 𝄞"],
    ["two\nlines", "two lines"],
    ["a\r\n\tb", "a b"],
    ["\u001b[31mred\u001b[0m", " [31mred [0m"],
    ["\u009b2J\u0007\u007f", " 2J "],
  ]);
});
