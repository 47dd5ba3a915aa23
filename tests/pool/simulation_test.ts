/** Simulations of whole clusters: no job is lost, and slots are kept busy. */

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "../lib/test.ts";
import { simulate } from "./simulation.ts";
import { calmPlan, planFrom } from "./simulated/plan.ts";
import { Random } from "../simulation/random.ts";

/** `POOL_SEED=7` runs that seed; `POOL_SEEDS=100000` runs that many seeds. */
const { POOL_SEED, POOL_SEEDS } = process.env;
const SEEDS_FIRST = Number(POOL_SEED ?? 1);
const SEEDS_COUNT = POOL_SEED === undefined ? Number(POOL_SEEDS ?? 300) : 1;

/** Jobs of one length. */
function equal(count: number, durationMs: number): number[] {
  return new Array(count).fill(durationMs);
}

/** Jobs of any lengths. */
function drawn(count: number, draw: (random: Random) => number): number[] {
  const random = new Random(count);
  return Array.from({ length: count }, () => draw(random));
}

test("every job ends as expected, whatever fails: slots, workers, connections or controllers", () => {
  for (let seed = SEEDS_FIRST; seed < SEEDS_FIRST + SEEDS_COUNT; seed++) {
    try {
      simulate(planFrom(seed));
    } catch (cause) {
      throw new Error(`Seed ${seed} fails (POOL_SEED=${seed} repeats it): ${cause}`, { cause });
    }
  }
});

test("the same seed gives the same simulation", () => {
  for (const seed of [1, 2, 3]) {
    assert.deepEqual(simulate(planFrom(seed)), simulate(planFrom(seed)));
  }
});

test("long jobs of one length keep all slots of all workers busy, two in flight for each", () => {
  for (const workers of [[1], [16], [4, 4, 4, 4], [1, 2, 32], [64]]) {
    const slots = workers.reduce((sum, count) => sum + count);
    const plan = calmPlan({ workers, jobs: [equal(50 * slots, 1_000)] });
    const { makespanMs, idealMs, busyPart, inFlightMax } = simulate(plan);
    assert.ok(makespanMs <= 1.01 * idealMs, `${makespanMs} ms for ${workers} slots`);
    assert.ok(busyPart >= 0.99, `${busyPart} of the time of ${workers} slots`);
    assert.ok(inFlightMax <= 2.1 * Math.max(...workers), `${inFlightMax} jobs at one worker`);
  }
});

test("a few long jobs are spread so that none waits while a slot is idle", () => {
  for (let count = 1; count <= 16; count++) {
    const { makespanMs } = simulate(calmPlan({ workers: [8, 8], jobs: [equal(count, 10_000)] }));
    assert.ok(makespanMs <= 10_200, `${count} jobs take ${makespanMs} ms`);
  }
});

test("workers that do not say how many slots they have are fully used after a few rounds", () => {
  for (const draw of [() => 1_000, (random: Random) => random.logarithmic(10, 10_000)]) {
    const plan = calmPlan({ workers: [16, 4], tellsSlots: false, jobs: [drawn(2_000, draw)] });
    const { makespanMs, idealMs, inFlightMax } = simulate(plan);
    assert.ok(makespanMs <= 1.15 * idealMs, `${makespanMs} ms, ideal are ${idealMs}`);
    assert.ok(inFlightMax <= 70, `${inFlightMax} jobs in flight`);
  }
});

test("jobs of very different length leave slots idle only at the very end", () => {
  const jobs = drawn(4_000, (random) => Math.min(60_000, 20 / random.next()));
  const { makespanMs, idealMs } = simulate(calmPlan({ workers: [16, 8], jobs: [jobs] }));
  const longestMs = Math.max(...jobs);
  // Graham's bound: no slot has been idle when the job that ends last begins.
  assert.ok(makespanMs <= 1.01 * idealMs + longestMs, `${makespanMs} ms, ideal are ${idealMs}`);
});

test("jobs of microseconds keep all slots busy, with a short and with a long round trip", () => {
  for (const [latencyMs, lossMs] of [[0.1, 100], [20, 1_300]] as const) {
    for (const tellsSlots of [true, false]) {
      const jobs = [equal(40_000, 0.1)];
      const { makespanMs, idealMs } = simulate(
        calmPlan({ workers: [2, 2], tellsSlots, latencyMs, jobs }),
      );
      assert.ok(makespanMs <= 1.05 * idealMs + lossMs, `${makespanMs} ms, ideal are ${idealMs}`);
    }
  }
});

test("controllers share a worker fairly, even one with a single slot", () => {
  for (const workers of [[1], [2], [9]]) {
    const jobs = [equal(900, 100), equal(900, 100), equal(900, 100)];
    const { finishedAtMs, makespanMs, idealMs } = simulate(calmPlan({ workers, jobs }));
    assert.ok(makespanMs <= 1.1 * idealMs, `${makespanMs} ms, ideal are ${idealMs}`);
    for (const atMs of finishedAtMs) assert.ok(atMs >= 0.9 * makespanMs, `${finishedAtMs}`);
  }
});

test("controllers with short jobs of one core share slots fairly at little cost", () => {
  for (const workers of [[1], [2], [8]]) {
    const jobs = [equal(20_000, 0.2), equal(20_000, 0.2), equal(20_000, 0.2)];
    const plan = calmPlan({ workers, jobs, isOneCore: true });
    const { finishedAtMs, makespanMs, idealMs } = simulate(plan);
    assert.ok(makespanMs <= 1.15 * idealMs + 100, `${makespanMs} ms, ideal are ${idealMs}`);
    for (const atMs of finishedAtMs) assert.ok(atMs >= 0.9 * makespanMs, `${finishedAtMs}`);
  }
});

test("a controller with few jobs is done soon, however many jobs another one has", () => {
  const plan = calmPlan({ workers: [4], jobs: [equal(4_000, 100), equal(20, 100)] });
  const [, few = Infinity] = simulate(plan).finishedAtMs;
  assert.ok(few <= 3_000, `after ${few} ms`);
});

test("queues are as short for many jobs as for few", () => {
  for (const count of [1_000, 20_000]) {
    const { queuedMax } = simulate(calmPlan({ workers: [8, 8], jobs: [equal(count, 5)] }));
    assert.ok(queuedMax <= 100, `${queuedMax} of ${count} jobs`);
  }
});
