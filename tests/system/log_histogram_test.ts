import assert from "node:assert/strict";
import { LogHistogram } from "../../system/log_histogram.ts";
import { test } from "../lib/test.ts";

test("quantiles of a histogram are right within a few percent, from microseconds to hours", () => {
  for (const unit of [0.001, 1, 3_600_000]) {
    const histogram = new LogHistogram();
    for (let value = 1; value <= 1000; value++) histogram.add(value * unit);
    for (const part of [0.1, 0.5, 0.99]) {
      const wanted = 1000 * part * unit;
      assert(Math.abs(histogram.quantile(part) - wanted) < 0.03 * wanted, `${part} of ${unit}`);
    }
    assert.equal(histogram.quantile(1), 1000 * unit);
  }
});

test("the bars of a histogram have every value, and no empty ones at the ends", () => {
  const histogram = new LogHistogram();
  for (const value of [0, 1e-9, 0.5, 2, 2, 1e30]) histogram.add(value);
  const bars = histogram.bars();
  assert.equal(bars.reduce((sum, { count }) => sum + count, 0), 6);
  assert(bars.at(0)?.count === 2 && bars.at(-1)?.count === 1);
  assert.deepEqual(new LogHistogram().bars(), []);
  assert.equal(new LogHistogram().quantile(0.5), 0);
});
