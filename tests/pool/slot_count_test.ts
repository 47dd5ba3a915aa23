/** Estimates how many slots a worker has that does not report it. */

import assert from "node:assert/strict";
import { test } from "../lib/test.ts";
import { Drive } from "./drive.ts";
import { Random } from "../simulation/random.ts";

/** A worker that does not report how many slots it has. */
function driveOf(slots: number, durationMs: (random: Random) => number, roundTripMs = 0.2): Drive {
  const random = new Random(slots);
  return new Drive({ slots, isKnown: false, roundTripMs, durationMs: () => durationMs(random) });
}

const SLOTS = [1, 2, 3, 8, 16, 64, 200];

test("a worker that does not say how many slots it has gets two jobs until it has answered one", () => {
  const drive = driveOf(8, () => 1_000);
  drive.answer(1);
  assert.equal(drive.inFlightMax, 2);
});

test("with jobs of one length, the slots found double with every round of answers, up to all", () => {
  for (const slots of SLOTS) {
    const drive = driveOf(slots, () => 1_000);
    while (drive.pace.slots < slots) drive.answer(1);
    const rounds = Math.ceil(Math.log2(slots)) + 1;
    assert.ok(drive.nowMs <= 1_010 * rounds, `${slots} slots after ${drive.nowMs} ms`);
    drive.answer(100 * slots);
    assert.equal(drive.pace.slots, slots);
  }
});

test("with jobs of about one length, nearly all slots are found", () => {
  for (const part of [0.01, 0.05, 0.2, 0.4]) {
    for (const slots of SLOTS) {
      const drive = driveOf(slots, (random) => 1_000 * random.between(1 - part, 1 + part));
      drive.answer(100 * slots);
      assert.ok(drive.pace.slots >= 0.65 * slots, `${drive.pace.slots} of ${slots}, ±${part}`);
      assert.ok(drive.pace.slots <= slots, `${drive.pace.slots} of ${slots}, ±${part}`);
    }
  }
});

test("with jobs of very different length, most slots are found while the first long jobs run", () => {
  for (const slots of [8, 16, 64, 200]) {
    const drive = driveOf(slots, (random) => random.logarithmic(10, 10_000));
    drive.answer(5 * slots);
    assert.ok(drive.pace.slots >= 0.75 * slots, `${drive.pace.slots} of ${slots}`);
    assert.ok(drive.nowMs < 10_000, `after ${drive.nowMs} ms`);
    drive.answer(200 * slots);
    assert.ok(drive.pace.slots <= 2 * slots, `${drive.pace.slots} of ${slots}`);
  }
});

test("with jobs of very different length, the estimate for a few slots is 16 at most", () => {
  for (const slots of [1, 2, 4]) {
    const drive = driveOf(slots, (random) => random.logarithmic(10, 10_000));
    drive.answer(10_000);
    assert.ok(drive.pace.slots >= slots);
    assert.ok(drive.pace.slots <= 16, `${drive.pace.slots} for ${slots}`);
  }
});

test("jobs that take longer than the round trip are long enough to find the slots", () => {
  for (const slots of [4, 16, 64]) {
    const drive = driveOf(slots, (random) => random.between(3, 12));
    drive.answer(50 * slots);
    assert.ok(drive.pace.slots >= 0.7 * slots, `${drive.pace.slots} of ${slots}`);
    assert.ok(drive.pace.slots <= 1.5 * slots, `${drive.pace.slots} of ${slots}`);
  }
});

test("jobs of microseconds show one slot, and keep all slots busy all the same", () => {
  const drive = driveOf(16, () => 0.01);
  drive.answer(50_000);
  assert.equal(drive.pace.slots, 1);
  const startMs = drive.nowMs;
  drive.answer(50_000);
  assert.ok(drive.nowMs - startMs < (1.05 * 50_000 * 0.01) / 16);
});

test("short jobs behind a long one do not raise the estimate", () => {
  const drive = driveOf(1, (random) => random.chance(0.02) ? 5_000 : 5);
  drive.answer(5_000);
  assert.ok(drive.pace.slots <= 2, `${drive.pace.slots} slots`);
});

test("a machine that pauses for a while does not raise the estimate", () => {
  let left = 2_000;
  const drive = driveOf(2, () => left-- === 0 ? 30_000 : 0.05);
  drive.answer(20_000);
  assert.ok(drive.pace.slots <= 4, `${drive.pace.slots} slots`);
});

test("the slots are found with long jobs after short ones", () => {
  for (const part of [0, 0.001, 0.01, 0.4]) {
    let short = 50;
    const drive = driveOf(
      16,
      (random) => short-- > 0 ? 0.1 : 1_000 * random.between(1 - part, 1 + part),
    );
    drive.answer(500);
    assert.ok(drive.pace.slots >= 8, `${drive.pace.slots} slots, ±${part}`);
    assert.ok(drive.pace.slots <= 16, `${drive.pace.slots} slots, ±${part}`);
  }
});
