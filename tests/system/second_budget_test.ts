/** How much passes in a second. */

import assert from "node:assert/strict";
import { SecondBudget } from "../../system/second_budget.ts";
import { test } from "../lib/test.ts";

test("what does not fit into a second is refused, what is smaller may fit, and the next second begins anew", () => {
  const budget = new SecondBudget(10);
  const takes = (amount: number, nowMs: number) => budget.take(amount, nowMs);
  assert.deepEqual([takes(7, 0), takes(4, 500), takes(3, 999), takes(1, 999)], [
    ...[true, false, true, false],
  ]);
  assert.deepEqual([takes(10, 1_000), takes(1, 1_999), takes(1, 2_000)], [true, false, true]);
});
