/** How many jobs an endpoint has in flight. */

import assert from "node:assert/strict";
import { Pace, WINDOW_JOBS_MAX } from "../../pool/pace.ts";
import fc from "../lib/properties.ts";
import { test } from "../lib/test.ts";
import { Drive } from "./drive.ts";
import { Random } from "../simulation/random.ts";

test("a slot begins with a window of one job, a worker with two for each slot", () => {
  assert.equal(new Pace(1).window(true), 1);
  assert.equal(new Pace(8).window(false), 16);
  assert.equal(new Pace(undefined).window(false), 2);
});

test("a slot with jobs of microseconds has four milliseconds of work in flight, as it is filled up at half", () => {
  const drive = new Drive({ isLocal: true, roundTripMs: 0.1, durationMs: () => 0.005 });
  const window = drive.answer(20_000);
  assert.ok(window > 700 && window <= 801, `${window} jobs`);
});

test("a slot has one long job in flight, and with shorter jobs one more that waits", () => {
  for (
    const [durationMs, window] of [[0.9, 3], [1.5, 2], [19, 2], [21, 1], [60_000, 1]] as const
  ) {
    const drive = new Drive({ isLocal: true, roundTripMs: 0.1, durationMs: () => durationMs });
    for (let round = 0; round < 10; round++) drive.answer(20);
    assert.equal(drive.window, window, `jobs of ${durationMs} ms`);
    assert.ok(drive.inFlightMax <= window);
  }
});

test("a worker has two long jobs in flight for each slot, however long the run", () => {
  for (const slots of [1, 7, 64]) {
    for (const durationMs of [50, 1_000, 600_000]) {
      const drive = new Drive({ slots, durationMs: () => durationMs });
      drive.answer(200 * slots);
      assert.ok(drive.inFlightMax <= 2.1 * slots, `${drive.inFlightMax} jobs for ${slots} slots`);
    }
  }
});

test("jobs that end together do not make a worker look fast", () => {
  const random = new Random(1);
  const drive = new Drive({ slots: 16, durationMs: () => 1_000 * random.between(0.95, 1.05) });
  drive.answer(2_000);
  assert.ok(drive.inFlightMax <= 36, `${drive.inFlightMax} jobs`);
});

test("a distant worker's slots are busy in spite of the round trip", () => {
  for (const isKnown of [true, false]) {
    const drive = new Drive({ slots: 4, isKnown, roundTripMs: 40, durationMs: () => 0.1 });
    drive.answer(20_000);
    const startMs = drive.nowMs;
    drive.answer(40_000);
    const idealMs = (40_000 * 0.1) / 4;
    assert.ok(drive.nowMs - startMs < 1.05 * idealMs, `${drive.nowMs - startMs} ms`);
    // 40 jobs a millisecond, two round trips and two milliseconds.
    assert.ok(drive.inFlightMax <= 1.1 * 40 * 82, `${drive.inFlightMax} jobs`);
  }
});

test("no window is larger than the limit, however fast the endpoint", () => {
  const drive = new Drive({ slots: 64, roundTripMs: 100, durationMs: () => 0.01 });
  assert.equal(drive.answer(100_000), WINDOW_JOBS_MAX);
});

test("time in which an endpoint has no jobs does not lower its pace", () => {
  const drive = new Drive({ isLocal: true, roundTripMs: 0.1, durationMs: () => 0.01 });
  const window = drive.answer(20_000);
  for (let round = 0; round < 5; round++) {
    drive.rest(3_600_000);
    assert.ok(drive.answer(1_000) >= 0.8 * window);
  }
});

test("a slot's window shrinks with the first long job, and grows again with the short ones", () => {
  let durationMs = 0.01;
  const drive = new Drive({ isLocal: true, roundTripMs: 0.1, durationMs: () => durationMs });
  const window = drive.answer(20_000);
  assert.ok(window > 150);
  durationMs = 1_000;
  drive.answer(window + 2);
  assert.equal(drive.window, 1);
  durationMs = 0.01;
  assert.ok(drive.answer(20_000) >= 0.8 * window);
});

test("an endpoint stays busy although its answers are seen only every few milliseconds", () => {
  for (const isLocal of [true, false]) {
    for (const everyMs of [3, 8, 20]) {
      let wakesEveryMs = 0;
      const drive = new Drive({
        isLocal,
        durationMs: () => 0.05,
        wakesEveryMs: () => wakesEveryMs,
      });
      const window = drive.answer(4_000);
      wakesEveryMs = everyMs;
      drive.answer(4_000);
      const startMs = drive.nowMs;
      drive.answer(8_000);
      const idealMs = 8_000 * 0.05;
      const where = `${isLocal ? "slot" : "worker"}, ${everyMs} ms`;
      assert.ok(drive.nowMs - startMs < 1.25 * idealMs, `${where}: ${drive.nowMs - startMs} ms`);
      wakesEveryMs = 0;
      drive.answer(16_000);
      assert.ok(drive.window <= 1.1 * window, `${where}: ${drive.window} instead of ${window}`);
    }
  }
});

test("an endpoint has at most 32 ms of work in flight, however late its answers are seen", () => {
  let everyMs = 0;
  const drive = new Drive({ durationMs: () => 0.1, wakesEveryMs: () => everyMs });
  drive.answer(5_000);
  everyMs = 500;
  drive.answer(20_000);
  assert.ok(drive.inFlightMax > 250 && drive.inFlightMax <= 350, `${drive.inFlightMax} jobs`);
});

test("a slot that waits for jobs for a while does not seem slow afterwards", () => {
  const drive = new Drive({ isLocal: true, roundTripMs: 0.1, durationMs: () => 0.01 });
  const window = drive.answer(20_000);
  drive.rest(0);
  const { pace } = drive;
  let nowMs = drive.nowMs;
  for (let count = 0; count < 20; count++) { // one job at a time
    const sequence = pace.onSent(nowMs);
    pace.onAnswer(sequence, 1, nowMs += 1);
  }
  assert.ok(drive.window >= window / 2, `${drive.window} instead of ${window} jobs`);
});

test("an endpoint whose first jobs waited for the core soon has as many short jobs as others", () => {
  for (const wakesEveryMs of [0, 8]) {
    const drive = new Drive({
      slots: 2,
      durationMs: (sequence) => sequence <= 4 ? 500 : 0.01,
      wakesEveryMs: () => wakesEveryMs,
    });
    drive.answer(4);
    const startMs = drive.nowMs;
    while (drive.window < 300) drive.answer(1);
    assert.ok(drive.nowMs - startMs < 200, `${drive.nowMs - startMs} ms`);
  }
});

test("an endpoint that has no more jobs is not starved", () => {
  const pace = new Pace(1);
  let nowMs = 0;
  for (let sequence = 1; sequence <= 1_000; sequence++) {
    pace.onSent(nowMs);
    pace.onFilled(false);
    pace.onAnswer(sequence, 0.1, nowMs += 0.1);
  }
  assert.equal(pace.window(false), 22);
});

test("a clock that stands still does no harm", () => {
  const pace = new Pace(undefined);
  for (let sequence = 1; sequence <= 100; sequence++) {
    pace.onSent(5);
    pace.onAnswer(sequence, 0, 5);
  }
  assert.equal(pace.window(false), 2);
  assert.equal(pace.slots, 1);
});

test("windows are whole numbers within their limits, whatever the input", () => {
  const anyStep = fc.record({
    afterMs: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1e4, noNaN: true })),
    sends: fc.nat(40),
    answers: fc.nat(40),
  });
  const anySlots = fc.option(fc.integer({ min: 1, max: 64 }), { nil: undefined });
  fc.assert(fc.property(anySlots, fc.array(anyStep, { maxLength: 60 }), (slots, steps) => {
    const pace = new Pace(slots);
    const out: { sequence: number; sentAtMs: number }[] = [];
    let nowMs = 0;
    for (const { afterMs, sends, answers } of steps) {
      nowMs += afterMs;
      for (let left = sends; left > 0; left--) {
        out.push({ sequence: pace.onSent(nowMs), sentAtMs: nowMs });
      }
      for (const { sequence, sentAtMs } of out.splice(0, answers)) {
        pace.onAnswer(sequence, nowMs - sentAtMs, nowMs);
      }
      for (const [isLocal, least] of [[true, 1], [false, 2]] as const) {
        const window = pace.window(isLocal);
        assert.ok(Number.isInteger(window) && window <= WINDOW_JOBS_MAX);
        assert.ok(window >= least * pace.slots);
      }
    }
  }));
});
