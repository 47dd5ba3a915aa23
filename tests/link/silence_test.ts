/** How long a peer has been silent. */

import assert from "node:assert/strict";
import { Silence } from "../../link/silence.ts";
import { test } from "../lib/test.ts";

test("time without a sign of life adds up", () => {
  const silence = new Silence();
  assert.equal(silence.poll(0, true, 5_000), 0);
  assert.equal(silence.poll(0, true, 5_250), 250);
  assert.equal(silence.poll(0, true, 5_500), 500);
  assert.equal(silence.poll(0, true, 6_500), 1_500);
});

test("a sign of life ends the silence, however many signs there were", () => {
  const silence = new Silence();
  silence.poll(0, true, 0);
  assert.equal(silence.poll(0, true, 500), 500);
  assert.equal(silence.poll(1, true, 1_000), 0);
  assert.equal(silence.poll(1, true, 1_500), 500);
  assert.equal(silence.poll(1_000, true, 2_000), 0);
  assert.equal(silence.poll(1_000, true, 2_250), 250);
});

test("a late call counts for a second at most", () => {
  const silence = new Silence();
  silence.poll(0, true, 0);
  assert.equal(silence.poll(0, true, 3_600_000), 1_000);
  assert.equal(silence.poll(0, true, 3_600_500), 1_500);
  assert.equal(silence.poll(0, true, 7_200_000), 2_500);
});

test("time in which the link is not read resets the silence", () => {
  const silence = new Silence();
  silence.poll(0, true, 0);
  assert.equal(silence.poll(0, true, 900), 900);
  assert.equal(silence.poll(0, false, 1_800), 0);
  assert.equal(silence.poll(0, false, 2_700), 0);
  assert.equal(silence.poll(0, true, 3_000), 300);
});

test("signs of life before the first call do not count later", () => {
  const silence = new Silence();
  silence.poll(7, true, 0);
  assert.equal(silence.poll(7, true, 250), 250);
});

test("signs of life from a time without reading do not count once the link is read again", () => {
  const silence = new Silence();
  silence.poll(0, true, 0);
  assert.equal(silence.poll(5, false, 500), 0);
  assert.equal(silence.poll(5, true, 1_000), 500);
});
