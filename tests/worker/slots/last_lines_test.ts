/** The last lines of a job. */

import assert from "node:assert/strict";
import { lineThatSaysWhy } from "../../../system/failure_line.ts";
import { LastLines } from "../../../worker/slots/processes/last_lines.ts";
import { test } from "../../lib/test.ts";

test("the last 20 lines are kept", () => {
  const lines = new LastLines();
  for (let line = 1; line <= 100; line++) lines.add(`line ${line}`);
  assert.deepEqual(lines.lines, Array.from({ length: 20 }, (_, index) => `line ${index + 81}`));
});

test("a panic and its message are kept, however long the backtrace behind them is", () => {
  const lines = new LastLines();
  const panic = ["thread 'a' (7) panicked at core.rs:2:9:", "bad magic"];
  for (const line of ["before", ...panic]) lines.add(line);
  for (let frame = 0; frame < 50; frame++) lines.add(`   ${frame}: frame`);
  assert.deepEqual(lines.lines.slice(0, 2), panic);
  assert.equal(lines.lines.length, 20);
  assert.equal(lines.lines.at(-1), "   49: frame");
  assert.equal(lineThatSaysWhy(lines.lines), "panicked at core.rs:2:9: bad magic");
});

test("long lines are no more than 8 KiB together", () => {
  const lines = new LastLines();
  for (let line = 0; line < 20; line++) lines.add("ä".repeat(1_000));
  assert.equal(lines.lines.length, 4);
});

test("a job has no lines of the one before", () => {
  const lines = new LastLines();
  lines.add("panic: first");
  assert.deepEqual(lines.take(), ["panic: first"]);
  lines.add("second");
  assert.deepEqual(lines.take(), ["second"]);
});
