import assert from "node:assert/strict";
import { BINS, TimeBins, TimeGrid } from "../../report/time_bins.ts";
import { Choices, SEED } from "../lib/random.ts";
import { test } from "../lib/test.ts";

test("bins have what was added, also when time goes on and they become wider", () => {
  const choices = new Choices(SEED);
  const grid = new TimeGrid();
  const bins = new TimeBins(grid);
  const spans: [number, number, number][] = [];
  let endMs = 10;
  for (let count = 0; count < 2000; count++) {
    if (count % 100 === 99) endMs *= 2;
    const from = choices.below(1000) / 1000 * endMs;
    const to = from + choices.below(1000) / 1000 * (endMs - from) * (choices.onceIn(2) ? 0.01 : 1);
    grid.fit(to);
    bins.addSpan(from, to, count % 3);
    spans.push([from, to, count % 3]);
  }
  const { values } = bins;
  for (let bin = 0; bin < BINS; bin++) {
    const [start, end] = [bin * grid.widthMs, (bin + 1) * grid.widthMs];
    const wanted = spans.reduce(
      (sum, [from, to, perMs]) =>
        sum + perMs * Math.max(0, Math.min(to, end) - Math.max(from, start)),
      0,
    );
    assert(
      Math.abs((values[bin] as number) - wanted) < 1e-6 * wanted + 1e-6,
      `seed ${SEED}, ${bin}`,
    );
  }
});

test("between half of the bins and all of them are used", () => {
  for (const ms of [0.5, 479, 480, 1e6, 1e12]) {
    const grid = new TimeGrid();
    grid.fit(ms);
    const used = ms / grid.widthMs;
    assert(used < BINS && (used >= BINS / 2 || grid.widthMs === 1), `${ms}`);
  }
});
