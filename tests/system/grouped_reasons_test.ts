/** Reasons that many workers share. */

import assert from "node:assert/strict";
import { countedReasons, groupedReasons } from "../../system/grouped_reasons.ts";
import { test } from "../lib/test.ts";

test("a reason that more than three workers share is written once, with three of their names", () => {
  const reasons = [
    "other:1: timed out",
    ...Array.from({ length: 20 }, (_, index) => `node${index}:7433: no such host`),
    "[::1]:7: connection refused",
    "the worker list is empty",
  ];
  assert.deepEqual(groupedReasons(reasons), [
    "other:1: timed out",
    "node0:7433, node1:7433, node2:7433 and 17 more: no such host",
    "[::1]:7: connection refused",
    "the worker list is empty",
  ]);
});

test("reasons are counted, the most frequent first", () => {
  assert.equal(countedReasons(["a", "b", "b"]), "b (2), a (1)");
});
