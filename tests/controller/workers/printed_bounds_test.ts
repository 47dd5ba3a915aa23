/** What one worker may have a run write of what its jobs print. */

import assert from "node:assert/strict";
import { PrintedBounds } from "../../../controller/workers/printed_bounds.ts";
import { programTest, test } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";

const NOTICE = { isLast: false, leftOut: 0 };

programTest(
  "a worker that prints without end has 50,000 lines a second, and the others are counted",
  async () => {
    const clock = new VirtualClock();
    const bounds = new PrintedBounds(clock);
    const lines = Array.from({ length: 16_000 }, () => "");
    let [written, leftOut, notices] = [0, 0, 0];
    for (let count = 0; count < 10_000; count++) {
      const notice = bounds.bounded({ ...NOTICE, lines });
      written += notice?.lines.length ?? 0;
      leftOut += notice?.leftOut ?? 0;
      notices += notice ? 1 : 0;
    }
    assert.equal(written, 50_000);
    assert(notices <= 1_010, `${notices} notices`);
    await clock.advance(1_000);
    const notice = bounds.bounded({ ...NOTICE, lines: ["a line"] });
    assert.deepEqual(notice?.lines, ["a line"]);
    assert.equal(leftOut + (notice?.leftOut ?? 0), 160_000_000 - 50_000);
  },
);

test("long lines have a bound of two megabytes a second, whatever alphabet they are in", () => {
  for (const character of ["x", "語"]) {
    const bounds = new PrintedBounds(new VirtualClock());
    let bytes = 0;
    for (let count = 0; count < 1_000; count++) {
      const notice = bounds.bounded({ ...NOTICE, lines: [character.repeat(5_000)] });
      bytes += new TextEncoder().encode(notice?.lines.join("")).byteLength;
    }
    assert(bytes > 2_000_000 && bytes <= 2 * 2 ** 20, `${bytes} bytes`);
  }
});

test("of the last lines of a failed job, the last 4 KiB are kept, for its answer only", () => {
  const bounds = new PrintedBounds(new VirtualClock());
  const lines = Array.from({ length: 20 }, (_, index) => `${index} ${"x".repeat(900)}`);
  bounds.onLast(7, lines);
  assert.deepEqual(bounds.takeLast(7), lines.slice(-4));
  assert.equal(bounds.takeLast(7), undefined);
  bounds.onLast(7, lines);
  assert.equal(bounds.takeLast(8), undefined);
  bounds.onLast(7, ["y".repeat(16_000)]);
  assert.equal(bounds.takeLast(7)?.join("").length, 4_096);
  bounds.onLast(7, ["short"]);
  assert.deepEqual(bounds.takeLast(7), ["short"]);
});
