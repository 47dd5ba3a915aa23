/** Lines of a log that peers cause. */

import assert from "node:assert/strict";
import { LineLimit } from "../../system/line_limit.ts";
import { test } from "../lib/test.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";

test("a source has fifty lines at once and five a second, and what is left out is counted", async () => {
  const clock = new VirtualClock();
  const limit = new LineLimit(clock);
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  for (let line = 0; line < 1_000; line++) limit.write("10.0.0.1", `line ${line}`, write);
  assert.equal(lines.length, 50);
  limit.write("10.0.0.2", "of another source", write);
  assert.equal(lines.at(-1), "of another source");
  await clock.advance(1_000);
  for (let line = 0; line < 1_000; line++) limit.write("10.0.0.1", `later ${line}`, write);
  assert.deepEqual(lines.slice(51, 53), [
    "950 lines about 10.0.0.1 were left out here",
    "later 0",
  ]);
  assert.equal(lines.length, 51 + 6);
});

test("sources without number have a bound together, and a long line is cut", () => {
  const limit = new LineLimit(new VirtualClock());
  const lines: string[] = [];
  for (let source = 0; source < 10_000; source++) {
    limit.write(`host ${source}`, "x".repeat(1_000_000), (line) => void lines.push(line));
  }
  assert.equal(lines.length, 500);
  assert(lines.every(({ length }) => length === 4_097));
});
