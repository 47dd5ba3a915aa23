/** A run whose workers cannot be reached any more. */

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

/** How long a run waits for a worker that was useful. */
const RETURN_MS = 600_000;

/** How long a run waits for any other worker, and the pause between two attempts to connect. */
const GIVE_UP_MS = 10_000;
const REDIAL_MS = 5_000;

test("a run that cannot reach its workers any more says once that it waits ten minutes, and then ends", async (simulation) => {
  const { recorded, lostAtMs } = await cutOff(simulation);
  await simulation.advance(lostAtMs + RETURN_MS - 1 - simulation.network.clock.now());
  assert.equal(recorded.noWorkerReasons, undefined);
  const time = new Date(lostAtMs + RETURN_MS).toTimeString().slice(0, 8);
  assert.deepEqual(recorded.warnings.filter((text) => text.includes("waiting until")), [
    `no worker can be reached any more: waiting until ${time} for one to return; Ctrl-C ends the run`,
  ]);
  const reasons = await recorded.noWorkerLeft();
  assert.equal(reasons.length, 2);
  for (const reason of reasons) assert.match(reason, /no route to that host$/);
  const waitedMs = simulation.network.clock.now() - lostAtMs;
  assert(waitedMs <= RETURN_MS + REDIAL_MS, `${waitedMs} ms`);
});

test("a run goes on after an outage of nine minutes, and waits as long for the next one", async (simulation) => {
  const { workers, recorded, inputs } = await cutOff(simulation);
  for (let outage = 0; outage < 2; outage++) {
    await simulation.advance(540_000);
    simulation.network.isDown = false;
    for (const worker of workers) worker.release();
    const { length } = recorded.completions;
    await recorded.completed(length + 10);
    if (outage === 0) lose(simulation, workers);
  }
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.equal(recorded.warnings.filter((text) => text.includes("waiting until")).length, 2);
  assertPolite(...workers);
});

test("a worker that is silent for 20 seconds is lost, and awaited for ten minutes as any other", async (simulation) => {
  const worker = await simulation.worker({ delayMs: 100 });
  const recorded = simulation.cluster();
  recorded.dial(worker);
  recorded.addAll(numberedInputs(100));
  await recorded.completed(10);
  worker.hang();
  await simulation.advance(540_000);
  assert.equal(recorded.noWorkerReasons, undefined);
  worker.wake();
  await recorded.completed(100);
});

test("a run ends when the only worker that is back after an outage refuses", async (simulation) => {
  const { workers: [worker, other], recorded, lostAtMs } = await cutOff(simulation);
  await simulation.advance(60_000);
  const refusal = { kind: KINDS.core, text: "the GPU is busy" };
  worker.script.answerCore = () => refusal;
  worker.restart();
  recorded.leave(other);
  simulation.network.isDown = false;
  assert.deepEqual(await recorded.noWorkerLeft(), [`127.0.0.1:${worker.port}: the GPU is busy`]);
  assert(simulation.network.clock.now() < lostAtMs + 60_000 + 2 * REDIAL_MS);
});

test("a worker that is back for a moment only is awaited until the same time", async (simulation) => {
  const { workers: [worker, other], recorded, lostAtMs } = await cutOff(simulation);
  recorded.leave(other);
  worker.hold();
  await simulation.advance(60_000);
  simulation.network.isDown = false;
  await recorded.connected(1);
  lose(simulation, [worker]);
  await simulation.advance(lostAtMs + RETURN_MS - 1 - simulation.network.clock.now());
  assert.equal(recorded.noWorkerReasons, undefined);
  await recorded.noWorkerLeft();
  assert(simulation.network.clock.now() < lostAtMs + RETURN_MS + 2 * REDIAL_MS);
  assert.equal(recorded.warnings.filter((text) => text.includes("waiting until")).length, 1);
});

test("workers that cannot be reached and are removed are not awaited", async (simulation) => {
  const { workers, recorded } = await cutOff(simulation);
  await simulation.advance(60_000);
  for (const worker of workers) recorded.leave(worker);
  await simulation.advance(1);
  assert.deepEqual(recorded.noWorkerReasons, ["the worker list is empty"]);
});

test("a run does not wait for a worker that has left in order, nor for one that is about to", async (simulation) => {
  const { workers: [worker, other], recorded, lostAtMs } = await cutOff(simulation);
  await simulation.advance(60_000);
  worker.drain();
  recorded.leave(other);
  simulation.network.isDown = false;
  await recorded.noWorkerLeft();
  assert(simulation.network.clock.now() < lostAtMs + 60_000 + GIVE_UP_MS + REDIAL_MS);

  const last = await simulation.worker();
  const second = simulation.cluster();
  second.dial(last);
  second.add(numberedInputs(10));
  await second.completed(10);
  second.add(numberedInputs(1));
  last.drain();
  simulation.network.isDown = true;
  const leftAtMs = simulation.network.clock.now();
  await second.noWorkerLeft();
  assert(simulation.network.clock.now() < leftAtMs + GIVE_UP_MS + 2 * REDIAL_MS);
});

test("a worker that was connected for a moment and did nothing is not awaited after it is lost", async (simulation) => {
  const worker = await simulation.worker();
  const recorded = simulation.cluster();
  worker.hold();
  recorded.dial(worker);
  recorded.addAll(numberedInputs(1));
  await recorded.connected(1);
  lose(simulation, [worker]);
  await recorded.noWorkerLeft();
  assert(simulation.network.clock.now() < GIVE_UP_MS + 2 * REDIAL_MS);
});

test("a failed job that waits for another worker does not fail during an outage, nor when the first worker is back", async (simulation) => {
  const bad = await simulation.worker({
    answerJob: () => ({ kind: KINDS.other, text: "no" }),
  });
  const good = await simulation.worker();
  const recorded = simulation.cluster();
  recorded.dial(good);
  recorded.add(numberedInputs(10));
  await recorded.completed(10);
  good.hold();
  recorded.dial(bad);
  recorded.addAll(numberedInputs(2));
  await simulation.until("a job has failed", () => bad.received.jobs.length > 0);
  lose(simulation, [bad, good]);
  await simulation.advance(60_000);
  assert.equal(recorded.completions.length, 10);
  good.hang();
  simulation.network.isDown = false;
  await recorded.connected(1);
  await simulation.advance(5_000);
  assert.equal(recorded.completions.length, 10);
  good.wake();
  good.release();
  await recorded.completed(12);
  recorded.assertEchoed([...numberedInputs(10), ...numberedInputs(2)]);
});

test("a verified run waits for its second worker", async (simulation) => {
  const [one, two] = await simulation.workers({ machine: "one" }, { machine: "two" }) as Pair;
  const recorded = simulation.cluster({ verifiedPart: 1 });
  for (const worker of [one, two]) recorded.dial(worker);
  recorded.add(numberedInputs(10));
  await recorded.completed(10);
  lose(simulation, [two]);
  recorded.addAll(numberedInputs(10));
  await simulation.advance(540_000);
  assert.equal(recorded.noWorkerReasons, undefined);
  const said = recorded.warnings.filter((text) => text.includes("waiting until"));
  assert.equal(said.length, 1);
  assert.match(said[0] ?? "", /^too few workers can be reached any more: /);
  simulation.network.isDown = false;
  await recorded.completed(20);
});

test("a job on which two workers disagree waits for the third during an outage", async (simulation) => {
  const workers = await simulation.workers({ machine: "a" }, { machine: "b" }, { machine: "c" });
  const [, liar, third] = workers as [ScriptedWorker2, ScriptedWorker2, ScriptedWorker2];
  const recorded = simulation.cluster({ verifiedPart: 1 });
  for (const worker of workers) recorded.dial(worker);
  recorded.add(numberedInputs(30));
  await recorded.completed(30);
  lose(simulation, [third]);
  liar.script.answerJob = () => ({ exitCode: 0, output: Uint8Array.of(1) });
  recorded.addAll(numberedInputs(1));
  await simulation.advance(1_000);
  lose(simulation, workers);
  await simulation.advance(60_000);
  assert.equal(recorded.completions.length, 30);
  simulation.network.isDown = false;
  await recorded.completed(31);
  recorded.assertEchoed([...numberedInputs(30), ...numberedInputs(1)]);
});

type Pair = [ScriptedWorker2, ScriptedWorker2];

interface CutOff {
  readonly workers: Pair;
  readonly recorded: RecordedCluster;
  readonly inputs: Uint8Array[];
  readonly lostAtMs: number;
}

/** A run that has done jobs with two workers, and cannot reach them any more. */
async function cutOff(simulation: Simulation): Promise<CutOff> {
  const workers = await simulation.workers({ delayMs: 100 }, { delayMs: 100 }) as Pair;
  const recorded = simulation.cluster();
  const inputs = numberedInputs(100);
  for (const worker of workers) recorded.dial(worker);
  recorded.addAll(inputs);
  await recorded.completed(10);
  const lostAtMs = simulation.network.clock.now();
  lose(simulation, workers);
  return { workers, recorded, inputs, lostAtMs };
}

function lose({ network }: Simulation, workers: readonly ScriptedWorker2[]): void {
  network.isDown = true;
  for (const worker of workers) worker.cut();
}
