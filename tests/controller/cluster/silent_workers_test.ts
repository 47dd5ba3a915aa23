/** Workers that claim many slots and never answer a job, and honest workers that have many slots. */

import assert from "node:assert/strict";
import { KINDS } from "../../fixtures/peers/frames.ts";
import type { ScriptedWorker2 } from "../../fixtures/peers/scripted_worker_2.ts";
import {
  assertPolite,
  numberedInputs,
  type RecordedCluster,
  type Simulation,
  test,
} from "../simulation.ts";

/** The most slots that a worker can claim. */
const SLOTS_CLAIMED = 2 ** 32 - 1;

/** What a worker gets that has answered nothing. */
const UNANSWERED_MAX = 1_024;

/** A worker that takes every job, and answers pings only. */
function silentWorker(simulation: Simulation): Promise<ScriptedWorker2> {
  return simulation.worker({ slots: SLOTS_CLAIMED, answerJob: () => "silence" });
}

/** A cluster with these workers, connected in this order. */
async function clusterOf(
  simulation: Simulation,
  workers: readonly ScriptedWorker2[],
  verifiedPart = 0,
): Promise<RecordedCluster> {
  const recorded = simulation.cluster({ verifiedPart });
  for (const [index, worker] of workers.entries()) {
    recorded.dial(worker);
    await recorded.connected(index + 1);
  }
  return recorded;
}

for (const count of [1, 20, 1_100]) {
  test(`a worker that claims 2^32 slots and answers nothing does not hold a run of ${count} jobs`, async (simulation) => {
    const silent = await silentWorker(simulation);
    const honest = await simulation.worker({ slots: 4, delayMs: 10 });
    const recorded = await clusterOf(simulation, [silent, honest]);
    const inputs = numberedInputs(count);
    const beganAtMs = simulation.network.clock.now();
    recorded.addAll(inputs);
    await recorded.completed(count);
    recorded.assertEchoed(inputs);
    const workMs = 10 * count / 4;
    const ms = simulation.network.clock.now() - beganAtMs;
    assert(ms < 15_000 + 1.5 * workMs, `it took ${ms} ms`);
    assert(silent.received.jobs.length <= UNANSWERED_MAX);
    assertPolite(silent, honest);
  });
}

test("several silent workers do not hold a run either", async (simulation) => {
  const silent = await Promise.all([1, 2, 3].map(() => silentWorker(simulation)));
  const honest = await simulation.worker({ slots: 2, delayMs: 10 });
  const recorded = await clusterOf(simulation, [...silent, honest]);
  const inputs = numberedInputs(100);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert(simulation.network.clock.now() < 60_000);
  assertPolite(...silent, honest);
});

test("a silent worker does not hold a verified run", async (simulation) => {
  const silent = await silentWorker(simulation);
  const honest = await simulation.workers({ slots: 2, delayMs: 10 }, { slots: 2, delayMs: 10 });
  const recorded = await clusterOf(simulation, [silent, ...honest], 1);
  const inputs = numberedInputs(100);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert(simulation.network.clock.now() < 60_000);
  assertPolite(silent, ...honest);
});

test("votes that fill the queue do not keep jobs from running elsewhere that a silent worker holds", async (simulation) => {
  const silent = await silentWorker(simulation);
  const honest = await simulation.workers({}, {});
  const output = new Uint8Array(33 * 1024 * 1024);
  for (const { script } of honest) script.answerJob = () => ({ exitCode: 0, output });
  const recorded = await clusterOf(simulation, [silent, ...honest], 1);
  const feeding = (async () => {
    for (const input of numberedInputs(6)) {
      recorded.add([input]);
      await recorded.cluster.room();
    }
    recorded.cluster.end();
  })();
  await recorded.completed(6);
  await feeding;
  assertPolite(silent, ...honest);
});

test("a worker that stays silent once it has answered does not hold a run", async (simulation) => {
  let answered = 0;
  const turncoat = await simulation.worker({
    slots: SLOTS_CLAIMED,
    answerJob: () => ++answered > 20 ? "silence" : "echo",
  });
  const honest = await simulation.worker({ slots: 4, delayMs: 10 });
  const recorded = await clusterOf(simulation, [turncoat, honest]);
  const inputs = numberedInputs(500);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert(simulation.network.clock.now() < 60_000);
});

test("a job that was on a lost worker and then on a silent one ends as well", async (simulation) => {
  const silent = await silentWorker(simulation);
  const honest = await simulation.worker({ slots: 2, delayMs: 10 });
  const recorded = simulation.cluster();
  recorded.dial(silent);
  await recorded.connected(1);
  const inputs = numberedInputs(20);
  recorded.addAll(inputs);
  await simulation.until("it has them", () => silent.received.jobs.length === inputs.length);
  silent.cut();
  await simulation.until("it has them again", () => silent.received.jobs.length === 40);
  recorded.dial(honest);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
});

test("a job that was on a lost worker waits two minutes for each silent one, not twice as long each time", async (simulation) => {
  const silent = await Promise.all([1, 2, 3].map(() => silentWorker(simulation)));
  const honest = await simulation.worker();
  const [first] = silent as [ScriptedWorker2];
  const recorded = await clusterOf(simulation, [first]);
  recorded.addAll(numberedInputs(1));
  await simulation.until("it has the job", () => first.received.jobs.length === 1);
  first.cut();
  await simulation.until("it has the job again", () => first.received.jobs.length === 2);
  for (const worker of [...silent.slice(1), honest]) recorded.dial(worker);
  await recorded.completed(1);
  assert(silent.every(({ received }) => received.jobs.length > 0), "all of them have had it");
  assert(simulation.network.clock.now() < 3.1 * 120_000);
});

test("few jobs are shared out to all workers, however many slots one of them claims", async (simulation) => {
  const workers = [
    await simulation.worker({ slots: SLOTS_CLAIMED }),
    await simulation.worker({ slots: 4 }),
    await simulation.worker({ slots: 4 }),
  ];
  for (const worker of workers) worker.hold();
  const recorded = await clusterOf(simulation, workers);
  recorded.addAll(numberedInputs(12));
  await simulation.until("they are sent", () => recorded.cluster.status.inFlight === 12);
  assert.deepEqual(workers.map(({ received }) => received.jobs.length), [4, 4, 4]);
  for (const worker of workers) worker.release();
  await recorded.completed(12);
});

for (const [name, delayMs] of [["1 ms", 1], ["10 s", 10_000], ["1 hour", 3_600_000]] as const) {
  test(`a worker with 256 slots has 256 jobs of ${name} at once`, async (simulation) => {
    const worker = await simulation.worker({ slots: 256, delayMs });
    const small = await simulation.worker({ slots: 2, delayMs });
    const recorded = await clusterOf(simulation, [small, worker]);
    const { clock } = simulation.network;
    const beganAtMs = clock.now();
    recorded.addAll(numberedInputs(600));
    await simulation.until("all its slots are busy", () => worker.slots.busy === 256);
    assert.equal(clock.now() - beganAtMs, 0);
  });
}

test("a worker with more slots than are believed gets as many jobs as it has slots once it answers", async (simulation) => {
  const slots = 2_500;
  const worker = await simulation.worker({ slots, delayMs: 1_000 });
  const recorded = await clusterOf(simulation, [worker]);
  recorded.addAll(numberedInputs(6_000));
  await simulation.until("it has its first jobs", () => worker.slots.busy === UNANSWERED_MAX);
  await simulation.until("all its slots are busy", () => worker.slots.busy === slots);
  assert(simulation.network.clock.now() < 4_000);
  await recorded.completed(6_000);
});

test("a bad job ends although one of its copies is on a worker that never answers", async (simulation) => {
  const silent = await silentWorker(simulation);
  const answerJob = (job: { job: bigint }) =>
    job.job < 2n ? { exitCode: 3, output: new Uint8Array() } : "echo" as const;
  const honest = await simulation.workers({ answerJob, slots: 2 }, { answerJob, slots: 2 });
  const recorded = await clusterOf(simulation, [silent, ...honest]);
  recorded.addAll(numberedInputs(40));
  await recorded.completed(40);
  assert.deepEqual(recorded.ends.slice(0, 3), ["3: ", "3: ", "0: input 2"]);
  assert(simulation.network.clock.now() < 300_000);
});

test("once a bad job has ended, no copy of it is left on workers that never answer", async (simulation) => {
  const answerJob = () => ({ kind: KINDS.crash, text: "crashed: SIGSEGV" });
  const honest = await simulation.worker({ answerJob });
  const silent = await Promise.all([1, 2].map(() => silentWorker(simulation)));
  const recorded = await clusterOf(simulation, [honest]);
  for (const worker of silent) recorded.dial(worker);
  await recorded.connected(3);
  recorded.addAll(numberedInputs(1));
  await recorded.completed(1);
  await simulation.until(
    "all are canceled",
    () => silent.every(({ received }) => received.cancels.length === received.jobs.length),
  );
  assert(silent.every(({ received }) => received.jobs.length > 0));
});
