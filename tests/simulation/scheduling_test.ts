/** How well the slots are used and shared, with the real controllers and workers in virtual time. */

import assert from "node:assert/strict";
import { slowTest, test } from "../lib/test.ts";
import { type CalmOptions, calmPlan } from "./calm_plan.ts";
import { Random } from "./random.ts";
import { type Report, simulate } from "./simulation.ts";

/** Slots and connections take this long to start. A connection says hello and asks for usage before its first job. */
const START_MS = 160;

/** Jobs of one length. */
function equal(count: number, durationMs: number): number[] {
  return new Array(count).fill(durationMs);
}

/** Jobs of any lengths. */
function drawn(count: number, draw: (random: Random) => number): number[] {
  const random = new Random(count);
  return Array.from({ length: count }, () => draw(random));
}

/** Simulates, and adds the time that no schedule is faster than. */
async function schedule(
  options: CalmOptions,
): Promise<Report & { idealMs: number; endMs: number }> {
  const report = await simulate(calmPlan(options));
  const workMs = options.jobs.flat().reduce((sum, ms) => sum + ms, 0);
  const slots = options.workers.reduce((sum, count) => sum + count, 0);
  return { ...report, idealMs: workMs / slots, endMs: Math.max(...report.completeAtMs) };
}

test("long jobs of one length keep all slots of all workers busy, two in flight for each", async () => {
  for (const workers of [[1], [16], [4, 4, 4, 4], [1, 2, 32]]) {
    const slots = workers.reduce((sum, count) => sum + count);
    const { endMs, idealMs, inFlightMax } = await schedule({
      workers,
      jobs: [equal(15 * slots, 1_000)],
    });
    assert(endMs <= 1.01 * idealMs + START_MS, `${endMs} ms for ${workers} slots`);
    assert(inFlightMax <= 2.5 * slots, `${inFlightMax} jobs in flight for ${workers} slots`);
  }
});

test("a few long jobs are spread so that none waits while a slot is idle", async () => {
  for (let count = 1; count <= 16; count++) {
    const { endMs } = await schedule({ workers: [8, 8], jobs: [equal(count, 10_000)] });
    assert(endMs <= 10_000 + START_MS, `${count} jobs take ${endMs} ms`);
  }
});

test("workers that do not say how many slots they have are fully used after a few rounds", async () => {
  for (const draw of [() => 1_000, (random: Random) => random.logarithmic(10, 10_000)]) {
    const { endMs, idealMs, inFlightMax } = await schedule({
      workers: [16, 4],
      manner: "version 1",
      jobs: [drawn(1_000, draw)],
    });
    assert(endMs <= 1.2 * idealMs, `${endMs} ms, ideal are ${idealMs}`);
    assert(inFlightMax <= 70, `${inFlightMax} jobs in flight`);
  }
});

test("jobs of very different length leave slots idle only at the very end", async () => {
  const jobs = drawn(1_000, (random) => Math.min(60_000, 20 / random.next()));
  const { endMs, idealMs } = await schedule({ workers: [16, 8], jobs: [jobs] });
  const longestMs = Math.max(...jobs);
  // Graham's bound: no slot has been idle when the job that ends last begins.
  assert(endMs <= 1.01 * idealMs + longestMs + START_MS, `${endMs} ms, ideal are ${idealMs}`);
});

test("jobs of microseconds keep all slots busy, with a short and with a long round trip", async () => {
  for (const [latencyMs, lossMs] of [[0.05, 50], [10, 650]] as const) {
    const { endMs, idealMs } = await schedule({
      workers: [2, 2],
      latencyMs,
      jobs: [equal(4_000, 0.4)],
    });
    assert(endMs <= 1.05 * idealMs + lossMs + START_MS, `${endMs} ms, ideal are ${idealMs}`);
  }
});

test("controllers share a worker fairly, even one with a single slot", async () => {
  for (const workers of [[1], [2], [9]]) {
    // Long enough that the time before the last core is loaded matters little: cores are tried one after another.
    const jobs = [equal(400, 100), equal(400, 100), equal(400, 100)];
    const { completeAtMs, endMs, idealMs } = await schedule({ workers, jobs });
    assert(endMs <= 1.15 * idealMs + START_MS, `${endMs} ms, ideal are ${idealMs}`);
    for (const atMs of completeAtMs) assert(atMs >= 0.8 * endMs, `${completeAtMs}`);
  }
});

slowTest("controllers with short jobs of one core share slots fairly at little cost", async () => {
  for (const workers of [[1], [2], [8]]) {
    const jobs = [equal(5_000, 0.2), equal(5_000, 0.2), equal(5_000, 0.2)];
    const { completeAtMs, endMs, idealMs } = await schedule({ workers, jobs, isOneCore: true });
    assert(endMs <= 1.15 * idealMs + 200 + START_MS, `${endMs} ms, ideal are ${idealMs}`);
    for (const atMs of completeAtMs) assert(atMs >= 0.7 * endMs, `${completeAtMs}`);
  }
});

test("a controller with few jobs is done soon, however many jobs another one has", async () => {
  const { completeAtMs } = await schedule({
    workers: [4],
    jobs: [equal(1_000, 100), equal(20, 100)],
  });
  const [, few = Infinity] = completeAtMs;
  assert(few <= 3_000, `after ${few} ms`);
});

test("queues are as short for many jobs as for few", async () => {
  for (const count of [1_000, 4_000]) {
    const { queuedMax } = await schedule({ workers: [8, 8], jobs: [equal(count, 20)] });
    assert(queuedMax <= 64 + 256, `${queuedMax} of ${count} jobs`);
  }
});
