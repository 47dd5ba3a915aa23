/** When a link is compressed: while it is slower than the compressor, and the data is worth it. */

import assert from "node:assert/strict";
import { CompressionChoice } from "../../link/compression_choice.ts";
import { test } from "../lib/test.ts";

/** Bytes in a millisecond: 100 Mbit/s, and 10 Gbit/s. */
const SLOW = 12_500;
const FAST = 1_250_000;

const TEXT = { bytesPerMs: 300_000, ratio: 4 };
const NOISE = { bytesPerMs: 300_000, ratio: 1 };

test("a slow link is compressed, and a fast one is not", () => {
  assert.equal(new CompressionChoice().poll(SLOW, undefined, 0), true);
  assert.equal(new CompressionChoice().poll(FAST, undefined, 0), false);
});

test("a link between slow and fast stays as it is", () => {
  const isOnAfter = (...rates: number[]) => {
    const choice = new CompressionChoice();
    return rates.map((rate) => choice.poll(rate, undefined, 0)).at(-1);
  };
  const between = 60_000;
  assert.equal(isOnAfter(between), false);
  assert.equal(isOnAfter(SLOW, between), true);
  assert.equal(isOnAfter(SLOW, FAST), false);
});

test("data that gets no smaller is sent plain, and tried again later each time", () => {
  const choice = new CompressionChoice();
  const tries: number[] = [];
  for (let nowMs = 0; nowMs < 100_000; nowMs += 250) {
    const wasOn = choice.isOn;
    if (choice.poll(SLOW, wasOn ? NOISE : undefined, nowMs) && !wasOn) tries.push(nowMs);
  }
  assert.deepEqual(tries, [0, 10_250, 30_500, 70_750]);
});

test("data that gets smaller again is compressed from the next try on", () => {
  const choice = new CompressionChoice();
  assert.equal(choice.poll(SLOW, undefined, 0), true);
  assert.equal(choice.poll(SLOW, NOISE, 250), false);
  assert.equal(choice.poll(SLOW, undefined, 20_000), true);
  assert.equal(choice.poll(SLOW, TEXT, 20_250), true);
});

test("a compressor that is slower than the link is not used", () => {
  const choice = new CompressionChoice();
  choice.poll(SLOW, undefined, 0);
  assert.equal(choice.poll(SLOW, { bytesPerMs: SLOW, ratio: 4 }, 250), false);
});
