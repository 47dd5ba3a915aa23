/** Pauses between attempts. */

import assert from "node:assert/strict";
import { Backoff } from "../../link/backoff.ts";
import { test } from "../lib/test.ts";

test("pauses double from a tenth of a second up to five seconds", () => {
  const backoff = new Backoff({ fraction: () => 1 });
  const pauses = Array.from({ length: 8 }, () => backoff.next());
  assert.deepEqual(pauses, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
});

test("chance takes away at most half of a pause", () => {
  const backoff = new Backoff({ fraction: () => 0 });
  assert.deepEqual([backoff.next(), backoff.next(), backoff.next()], [50, 100, 200]);
});

test("after a success the pauses begin again", () => {
  const backoff = new Backoff({ fraction: () => 1 });
  backoff.next();
  backoff.next();
  backoff.reset();
  assert.equal(backoff.next(), 100);
});
