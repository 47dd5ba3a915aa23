/** When memory is said to grow. */

import assert from "node:assert/strict";
import { growthPerRun } from "../../check/memory_growth.ts";
import type { Usage } from "../../check/trial_plan.ts";
import { test } from "../lib/test.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const SAMPLES = 8;

test("a heap that grows steadily is told in bytes per run", () => {
  const usage = usageOf(2_500, (run) => ({ heapBytes: run * 200, residentBytes: 50 * MIB }));
  assert.equal(growthPerRun(usage), 200);
});

test("the smallest leak is seen over 40,000 runs, and not what the runtime takes on a busy machine", () => {
  for (const [perRun, seen] of [[48, 48], [44, 0]] as const) {
    const usage = usageOf(5_000, (run) => ({ heapBytes: run * perRun, residentBytes: 50 * MIB }));
    assert.equal(growthPerRun(usage), seen);
  }
});

test("a heap that grows in half of the time is no leak: the runtime takes memory in pieces", () => {
  const usage = usageOf(5_000, (run) => ({
    heapBytes: Math.ceil(run / 10_000) * MIB,
    residentBytes: 50 * MIB,
  }));
  assert.equal(growthPerRun(usage), 0);
});

test("memory that does not come from malloc is seen in what is resident", () => {
  const usage = usageOf(125, (run) => ({ heapBytes: 0, residentBytes: run * 20 * KIB }));
  assert.equal(growthPerRun(usage), 20 * KIB);
});

test("memory that is constant, shrinks, or has one step does not grow", () => {
  for (
    const heapOf of [
      () => MIB,
      (run: number) => 90 * MIB - run * 100,
      (run: number) => run > 500 ? 9 * MIB : 0,
    ]
  ) {
    const usage = usageOf(125, (run) => ({ heapBytes: heapOf(run), residentBytes: heapOf(run) }));
    assert.equal(growthPerRun(usage), 0);
  }
});

test("memory that grows for three quarters of the runs, and then no more, is a cache that fills", () => {
  const fill = (run: number) => Math.min(run, 30_000) * 2 * KIB;
  for (const growing of [{ heapBytes: fill }, { residentBytes: fill }]) {
    const at = { heapBytes: () => MIB, residentBytes: () => 50 * MIB, ...growing };
    const usage = usageOf(5_000, (run) => ({
      heapBytes: at.heapBytes(run),
      residentBytes: at.residentBytes(run),
    }));
    assert.equal(growthPerRun(usage), 0);
  }
});

test("a leak is seen below what the runtime takes while it warms up", () => {
  const usage = usageOf(5_000, (run) => ({
    heapBytes: run * 48 + (run > 5_000 ? MIB : 0),
    residentBytes: 50 * MIB,
  }));
  assert.equal(growthPerRun(usage), 78);
});

test("what is used before the first sample is no leak, and one sample says nothing", () => {
  const usage = usageOf(2_500, () => ({ heapBytes: 100 * MIB, residentBytes: 100 * MIB }));
  assert.equal(growthPerRun(usage), 0);
  assert.equal(growthPerRun(usage.slice(0, 1)), 0);
  assert.equal(growthPerRun([]), 0);
});

test("the runtime's own memory, which grows a little while it warms up, is no leak", () => {
  const usage = usageOf(2_500, (run) => ({ heapBytes: 0, residentBytes: 40 * MIB + run * 600 }));
  assert.equal(growthPerRun(usage), 0);
});

function usageOf(
  step: number,
  at: (run: number) => { heapBytes: number; residentBytes: number },
): Usage[] {
  return Array.from({ length: SAMPLES }, (_, index) => {
    const run = (index + 1) * step;
    return { run, ...at(run) };
  });
}
