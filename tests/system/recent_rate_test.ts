/** How fast something is now. */

import assert from "node:assert/strict";
import { RecentRate } from "../../system/recent_rate.ts";
import { test } from "../lib/test.ts";

/** The rate at the end of each second of `counts`. */
function ratesOf(counts: readonly number[]): number[] {
  const rate = new RecentRate(0);
  return counts.map((count, index) => {
    const nowMs = 1000 * (index + 1);
    rate.onCount(count, nowMs);
    return rate.perSecond(count, nowMs);
  });
}

/** What a counter shows each second if it grows by these amounts. */
function countsOf(amounts: readonly number[]): number[] {
  let count = 0;
  return amounts.map((amount) => count += amount);
}

test("a rate is that of the last ten seconds", () => {
  const slow = Array<number>(100).fill(10);
  const fast = Array<number>(10).fill(500);
  const rates = ratesOf(countsOf([...slow, ...fast]));
  assert.equal(rates[0], 10);
  assert.equal(rates[99], 10);
  assert.equal(rates[104], 255);
  assert.equal(rates[109], 500);
});

test("the rate of events that are seldom is that of the last twenty, and is steady", () => {
  const amounts = Array.from({ length: 600 }, (_, second) => second % 30 === 29 ? 4 : 0); // 4 in 30 s
  for (const rate of ratesOf(countsOf(amounts)).slice(300)) {
    assert(rate > 0.1 && rate < 0.2, `${rate}`);
  }
});

test("what stands still has less and less of a rate", () => {
  const amounts = Array.from({ length: 120 }, (_, second) => second < 60 ? 1000 : 0);
  const rates = ratesOf(countsOf(amounts));
  assert.equal(rates[59], 1000);
  assert((rates[69] as number) < 101);
  assert((rates[119] as number) < 30, `${rates[119]}`);
});

test("a rate can be asked for at any time", () => {
  const rate = new RecentRate(5_000);
  assert.equal(rate.perSecond(0, 5_000), 0);
  assert.equal(rate.perSecond(10, 5_500), 20);
});
