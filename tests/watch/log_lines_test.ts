/** The last lines of a log. */

import assert from "node:assert/strict";
import { LogLines } from "../../watch/log_lines.ts";
import { LOG_LINES_MAX, TEXT_CHARS_MAX } from "../../watch/snapshot.ts";
import { test } from "../lib/test.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";

test("a log keeps its last lines with their times, and without colors", async () => {
  const clock = new VirtualClock();
  const log = new LogLines(clock);
  log.info("one");
  await clock.advance(5);
  log.warn("\x1b[31mtwo\x1b[0m\nthree");
  log.table("four:", [["a", "b"]]);
  log.printed("x".repeat(TEXT_CHARS_MAX + 1));
  const lines = log.all.map(({ at, level, text }) => [at, level, text]);
  assert.deepEqual(lines, [
    [0, "info", "one"],
    [5, "warning", "two"],
    [5, "warning", "three"],
    [5, "warning", "four:"],
    [5, "warning", "  a: b"],
    [5, "printed", "x".repeat(TEXT_CHARS_MAX)],
  ]);
});

test("a log that gets many lines keeps the newest ones, in their order", () => {
  const log = new LogLines(new VirtualClock());
  for (let line = 0; line < 3 * LOG_LINES_MAX + 7; line++) log.printed(`${line}`);
  const texts = log.all.map(({ text }) => Number(text));
  assert.equal(texts.length, LOG_LINES_MAX);
  assert.deepEqual(texts, texts.map((_, index) => 2 * LOG_LINES_MAX + 7 + index));
});
