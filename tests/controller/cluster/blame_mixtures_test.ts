/**
 * Mixtures of good and bad nodes with good and bad jobs: no good job fails, no bad job is tried more than three
 * times, and good nodes hardly spend time on bad jobs again. A failure names its seed.
 */

import assert from "node:assert/strict";
import { slowTest, test } from "../../lib/test.ts";
import { type MixtureOptions, type MixtureResult, runMixture } from "./mixture.ts";

const LARGE = { jobs: 400, nodesMax: 6, badJobsMax: 0.3 };
const SMALL = { jobs: 100, nodesMax: 6, badJobsMax: 0.3 };

/** The most that one run may waste, and a run on average. */
const WASTED_MAX = 0.05;
const WASTED_MEAN_MAX = 0.01;

/** In so many of a thousand mixtures good jobs may fail: where most nodes are bad, three may fail one before a good one has it. */
const UNLUCKY_MAX = 5;

/** Runs mixtures. Resolves to the number of those that have failed good jobs because most of their nodes are bad. */
async function runAll(
  seeds: { readonly from: number; readonly count: number },
  options: Omit<MixtureOptions, "seed">,
): Promise<number> {
  let wasted = 0, unlucky = 0;
  for (let seed = seeds.from; seed < seeds.from + seeds.count; seed++) {
    const result = await runMixture({ ...options, seed });
    const isUnlucky = !result.isMostlyGood && result.goodFailed.length > 0;
    if (isUnlucky) unlucky += 1;
    assertFair(isUnlucky ? { ...result, goodFailed: [] } : result);
    wasted += result.wastedPart;
  }
  assert(wasted / seeds.count <= WASTED_MEAN_MAX, `${wasted / seeds.count} is wasted on average`);
  return unlucky;
}

function assertFair(result: MixtureResult): void {
  const { text, goodFailed, badDone, triesMax, wastedPart } = result;
  assert.deepEqual(goodFailed, [], `${text}: good jobs have failed`);
  assert.deepEqual(badDone, [], `${text}: bad jobs are done`);
  assert(triesMax <= 3, `${text}: a bad job was tried ${triesMax} times`);
  assert(wastedPart <= WASTED_MAX, `${text}: ${wastedPart} of the good nodes' time is wasted`);
}

test("in eight runs of 400 jobs no good job fails, and 5 % of the good nodes' time is wasted at most", async () => {
  assert.equal(await runAll({ from: 5_000, count: 8 }, LARGE), 0);
});

test("in runs of 100 jobs no good job fails, and no bad job is tried more than three times", async () => {
  assert.equal(await runAll({ from: 1_000, count: 25 }, SMALL), 0);
});

test("a bad node that fails everything at once beside a good one fails no job", async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const options = { ...SMALL, badJobsMax: 0, goodNodes: 1, badNodes: 1, seed };
    assertFair(await runMixture(options));
  }
});

slowTest(
  "a thousand further mixtures are as fair, with few exceptions where most nodes are bad",
  async () => {
    const unlucky = await runAll({ from: 10_000, count: 200 }, LARGE) +
      await runAll({ from: 20_000, count: 800 }, SMALL);
    assert(unlucky <= UNLUCKY_MAX, `good jobs failed in ${unlucky} mixtures`);
  },
);
