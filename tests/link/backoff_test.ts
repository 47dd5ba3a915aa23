/** Pauses between attempts. */

import assert from "node:assert/strict";
import { Backoff } from "../../link/backoff.ts";
import { test } from "../lib/test.ts";

test("pauses double from a tenth of a second up to five seconds", () => {
  const backoff = new Backoff(() => 1);
  const pauses = Array.from({ length: 8 }, () => backoff.next());
  assert.deepEqual(pauses, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
});

test("jitter shortens a pause by at most a half", () => {
  const backoff = new Backoff(() => 0);
  assert.deepEqual([backoff.next(), backoff.next(), backoff.next()], [50, 100, 200]);
});

test("pauses start again after a success", () => {
  const backoff = new Backoff(() => 1);
  backoff.next();
  backoff.next();
  backoff.reset();
  assert.equal(backoff.next(), 100);
});
