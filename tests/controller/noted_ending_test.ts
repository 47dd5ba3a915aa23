/** What a run notes of its ending. */

import assert from "node:assert/strict";
import { endingOf } from "../../controller/noted_ending.ts";
import { InterruptedError } from "../../controller/run_errors.ts";
import { test } from "../lib/test.ts";

test("a run that may have inputs of which the journal knows nothing does not say that none is left", () => {
  const leftWith = (skipsLeft: number) => {
    const counts = { total: 12, done: 2, failed: 0, skipsLeft };
    return endingOf(new InterruptedError(), counts).left;
  };
  assert.equal(leftWith(0), 10);
  assert.equal(leftWith(4), 6, "the others will be skipped");
  assert.equal(leftWith(10), undefined, "those may be the jobs of other inputs");
  assert.equal(leftWith(20), undefined);
});
