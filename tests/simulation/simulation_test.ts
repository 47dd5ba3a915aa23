/**
 * Whole clusters in simulation: whatever goes wrong, each job has one end, nothing that was recorded runs again, and
 * every run comes to its end. `deno task simulate` looks at far more seeds.
 */

import assert from "node:assert/strict";
import { slowTest, test } from "../lib/test.ts";
import { planFrom } from "./plan.ts";
import { simulateAll } from "./seeds.ts";
import { simulate } from "./simulation.ts";

test("every job has one end, whatever fails: slots, workers, connections, disks or controllers", async () => {
  await simulateAll(1, 20, "small");
});

test("50 workers do 2,000 jobs, whatever fails", async () => {
  await simulateAll(1, 1, "large");
});

slowTest("every job has one end, in 1,000 clusters", async () => {
  await simulateAll(21, 1_000, "small");
});

/**
 * A pack that has lost its end, twice; three lost offers of version 2 in a row, which may be taken for a "no", and the
 * same with a worker that then loses its power; a job that was on a lost worker and then on two silent ones; and a
 * controller that is gone in the middle of an output, for which its worker waits five minutes.
 */
const PAST_SEEDS = [432763, 433036, 431505, 514887, 510266, 1004685];

test("seeds that have failed, though no bug of one place was why, pass", async () => {
  for (const seed of PAST_SEEDS) await simulateAll(seed, 1, "small");
});

test("the same seed gives the same events in the same order, and another seed gives others", async () => {
  for (const seed of [1, 2, 3]) {
    const [one, again, other] = [
      await simulate(planFrom(seed, "small")),
      await simulate(planFrom(seed, "small")),
      await simulate(planFrom(seed + 100, "small")),
    ];
    assert.deepEqual(one, again);
    assert.notEqual(one.fingerprint, other.fingerprint);
  }
});
