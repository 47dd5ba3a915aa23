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

test("the third failure in a row is one too many", () => {
  const failures = new LoadFailures();
  for (const isExhausted of [false, false, true, true]) {
    failures.add(A, 0);
    assert.equal(failures.isExhausted(A), isExhausted);
  }
  failures.delete(A);
  failures.add(A, 0);
  assert.ok(!failures.isExhausted(A), "a success in between counts");
});

test("one core's failures are not another's", () => {
  const failures = new LoadFailures();
  for (let count = 0; count < 3; count++) failures.add(A, 0);
  assert.ok(!failures.isPaused(B, 0));
  assert.ok(!failures.isExhausted(B));
});

test("what nobody waits for is forgotten", () => {
  const failures = new LoadFailures();
  for (const core of [A, A, A, B]) failures.add(core, 0);
  failures.keepOnly(new Map([[B, {}]]));
  assert.ok(!failures.isPaused(A, 0));
  assert.ok(!failures.isExhausted(A));
  assert.ok(failures.isPaused(B, 0));
});
