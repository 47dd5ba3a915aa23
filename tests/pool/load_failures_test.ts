/** When a core that could not be loaded is tried again, and when it is given up. */

import assert from "node:assert/strict";
import { LoadFailures } from "../../pool/load_failures.ts";
import type { CoreKey } from "../../pool/types.ts";
import { test } from "../lib/test.ts";

const A = "a" as CoreKey, B = "b" as CoreKey;

test("pauses double from 100 ms up to 5 s", () => {
  const failures = new LoadFailures();
  for (const pauseMs of [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]) {
    failures.add(A, 1_000);
    assert.ok(failures.isPaused(A, 1_000 + pauseMs - 1));
    assert.ok(!failures.isPaused(A, 1_000 + pauseMs));
  }
});

test("a core is exhausted after three failures in a row", () => {
  const failures = new LoadFailures();
  for (const isExhausted of [false, false, true, true]) {
    failures.add(A, 0);
    assert.equal(failures.isExhausted(A), isExhausted);
  }
  failures.delete(A);
  failures.add(A, 0);
  assert.ok(!failures.isExhausted(A), "a success in between counts");
});

test("failures of one core do not count for another", () => {
  const failures = new LoadFailures();
  for (let count = 0; count < 3; count++) failures.add(A, 0);
  assert.ok(!failures.isPaused(B, 0));
  assert.ok(!failures.isExhausted(B));
});

test("failures of cores that are no longer wanted are forgotten", () => {
  const failures = new LoadFailures();
  for (const core of [A, A, A, B]) failures.add(core, 0);
  failures.keepOnly(new Map([[B, {}]]));
  assert.ok(!failures.isPaused(A, 0));
  assert.ok(!failures.isExhausted(A));
  assert.ok(failures.isPaused(B, 0));
});
