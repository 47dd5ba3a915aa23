/** Speculative execution: second copies of jobs that take far too long. */

import assert from "node:assert/strict";
import { StragglerThreshold } from "../../../controller/cluster/straggler_threshold.ts";
import { KINDS } from "../../fixtures/peers/frames.ts";
import { answering } from "../../fixtures/peers/scripted_worker.ts";
import type { Options2, ScriptedWorker2 } from "../../fixtures/peers/scripted_worker_2.ts";
import {
  assertPolite,
  countsOf,
  numberedInputs,
  type RecordedCluster,
  type Simulation,
  test,
  textOf,
} from "../simulation.ts";

/** By then every straggler of these tests has been found. */
const LATE_MS = 60_000;

test("a straggler takes at least ten seconds before five answers have come, and ten times as long as these", () => {
  const threshold = new StragglerThreshold();
  assert.equal(threshold.limitMs, Infinity);
  for (const ms of [10, 10, 10]) threshold.onAnswer(ms);
  assert.equal(threshold.limitMs, 10_000);
  threshold.onAnswer(2_000);
  assert.equal(threshold.limitMs, 20_000);
  threshold.onAnswer(10);
  assert.equal(threshold.limitMs, 1_000);
});

test("a straggler takes twice the median, which a few slow jobs do not change", () => {
  const threshold = new StragglerThreshold();
  for (const ms of [3_000, 1, 3_000, 3_000, 900_000]) threshold.onAnswer(ms);
  assert.equal(threshold.limitMs, 6_000);
});

test("the median is that of the latest answers", () => {
  const threshold = new StragglerThreshold();
  for (let count = 0; count < 1_000; count++) threshold.onAnswer(10);
  for (let count = 0; count < 512; count++) threshold.onAnswer(4_000);
  assert.equal(threshold.limitMs, 8_000);
});

test("a straggler is copied to an idle slot, the first answer counts, and the other is canceled", async (simulation) => {
  const scene = await Scene.set(simulation);
  const { slow, quick, recorded } = scene;
  await recorded.completed(scene.count);
  recorded.assertEchoed(scene.inputs);
  await recorded.settled();
  assert.deepEqual(slow.received.cancels, slow.received.jobs.map(({ id }) => id));
  assert.deepEqual(scene.copies, ["input 0", "input 1"]);
  assert.deepEqual(recorded.cluster.status.copies, { started: 2, won: 2, running: 0 });
  assert.equal(quick.received.jobs.length, scene.count);
  assert.deepEqual(quick.received.cancels, []);
  assert.equal(slow.openConnections, 1);
  assertPolite(slow, quick);
});

test("a worker that joins when no job is queued still runs copies", async (simulation) => {
  const [slow, quick] = await simulation.workers({}, {}) as [ScriptedWorker2, ScriptedWorker2];
  const recorded = simulation.cluster();
  const inputs = numberedInputs(7);
  recorded.dial(slow);
  recorded.add(inputs.slice(0, 6));
  await recorded.completed(6);
  slow.hold();
  recorded.add(inputs.slice(6));
  await simulation.until("the last job is sent", () => slow.received.jobs.length === 7);
  recorded.cluster.end();
  recorded.dial(quick);
  await recorded.completed(7);
  assert.deepEqual(quick.received.jobs.map(textOf), ["input 6"]);
  assertPolite(slow, quick);
});

test("when the straggler answers first, its copy is canceled", async (simulation) => {
  const scene = await Scene.set(simulation, { holdsCopies: true });
  const { slow, quick, recorded } = scene;
  await scene.copied();
  slow.release();
  await recorded.completed(scene.count);
  await recorded.settled();
  recorded.assertEchoed(scene.inputs);
  const [copy] = quick.received.jobs.filter(({ attempt }) => attempt === 2);
  assert.deepEqual(quick.received.cancels, [copy?.id]);
  const copied = recorded.completions.filter(({ sent }) => sent !== undefined);
  assert.deepEqual(copied.map(({ job, sent }) => [job.attempt, sent]), [[1, 2]], "it says so");
  assertPolite(slow, quick);
});

test("an answer that arrives after its job was canceled is dropped", async (simulation) => {
  const scene = await Scene.set(simulation, { slow: { answersBeforeCancel: true } });
  await scene.recorded.completed(scene.count);
  scene.recorded.assertEchoed(scene.inputs);
  await scene.recorded.settled();
  assert.equal(scene.slow.received.cancels.length, 2);
  assert.equal(scene.slow.openConnections, 1);
  assertPolite(scene.slow, scene.quick);
});

test("what a straggler prints when its copy has answered is dropped", async (simulation) => {
  const scene = await Scene.set(simulation, { slow: { printsBeforeCancel: "too late" } });
  await scene.recorded.completed(scene.count);
  await scene.recorded.settled();
  assert.equal(scene.slow.received.cancels.length, 2);
  assert.deepEqual(scene.recorded.printed, []);
  assertPolite(scene.slow, scene.quick);
});

test("a worker of version 1 may answer a job that is done elsewhere, and is still used", async (simulation) => {
  const late: (() => void)[] = [];
  const peer = await simulation.peer(answering({
    job: (session, message) => void late.push(() => session.echo(message)),
  }));
  const quick = await simulation.worker();
  const recorded = simulation.cluster();
  const inputs = numberedInputs(12);
  recorded.dial(peer);
  await recorded.connected(1);
  recorded.addAll(inputs);
  await simulation.until("it has two jobs", () => late.length === 2);
  recorded.dial(quick);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.equal(recorded.cluster.status.inFlight, 2, "it still has them");
  for (const answer of late) answer();
  await recorded.settled();
  assert.deepEqual(recorded.warnings, []);
  assert.equal(peer.connections, 1);
  assertPolite(peer, quick);
});

test("a failed copy does not fail the job while the straggler runs", async (simulation) => {
  const scene = await Scene.set(simulation, { failsCopies: true });
  const { slow, quick, recorded } = scene;
  await scene.copied(2);
  await simulation.until("both copies are answered", () => quick.slots.busy === 0);
  slow.release();
  await recorded.completed(scene.count);
  recorded.assertEchoed(scene.inputs);
  assertPolite(slow, quick);
  await recorded.settled();
});

test("a failed straggler does not fail the job while its copy runs", async (simulation) => {
  const scene = await Scene.set(simulation, { holdsCopies: true });
  const { slow, quick, recorded } = scene;
  await scene.copied();
  slow.script.answerJob = (job) =>
    textOf(job) === "input 0" ? { kind: KINDS.memory, text: "too much" } : "echo";
  slow.release();
  await simulation.until("the straggler is answered", () => slow.slots.busy === 0);
  quick.release();
  await recorded.completed(scene.count);
  recorded.assertEchoed(scene.inputs);
  assertPolite(slow, quick);
  await recorded.settled();
});

test("when both copies fail, the job fails once", async (simulation) => {
  const scene = await Scene.set(simulation, { failsCopies: true });
  const { slow, quick, recorded } = scene;
  await scene.copied(2);
  await simulation.until("both copies are answered", () => quick.slots.busy === 0);
  slow.script.answerJob = () => ({ kind: KINDS.memory, text: "too much" });
  slow.release();
  await recorded.completed(scene.count);
  await recorded.settled();
  assert.deepEqual(recorded.ends.slice(0, 2), Array(2).fill("memory: too much"));
  assertPolite(slow, quick);
});

test("a straggler goes on when its copy's worker is lost", async (simulation) => {
  const scene = await Scene.set(simulation, { holdsCopies: true });
  const { slow, quick, recorded } = scene;
  await scene.copied();
  await quick.close();
  await recorded.connected(1);
  slow.release();
  await recorded.completed(scene.count);
  recorded.assertEchoed(scene.inputs);
  await recorded.settled();
  assertPolite(slow, quick);
});

test("a copy goes on when its straggler's worker is lost", async (simulation) => {
  const scene = await Scene.set(simulation, { holdsCopies: true });
  const { slow, quick, recorded } = scene;
  await scene.copied();
  await slow.close();
  await recorded.connected(1);
  quick.release();
  await recorded.completed(scene.count);
  recorded.assertEchoed(scene.inputs);
  await recorded.settled();
  assert.equal(countsOf(quick).get("input 0"), 1, "the straggler does not run again");
  assertPolite(slow, quick);
});

test("a job whose two workers are both lost runs again, once", async (simulation) => {
  const scene = await Scene.set(simulation, { holdsCopies: true });
  const { slow, quick, recorded } = scene;
  await scene.copied();
  slow.cut();
  quick.cut();
  slow.release();
  quick.release();
  await recorded.completed(scene.count);
  recorded.assertEchoed(scene.inputs);
  await recorded.settled();
  const runs = [slow, quick].map((worker) => countsOf(worker).get("input 0") ?? 0);
  assert.equal((runs[0] ?? 0) + (runs[1] ?? 0), 3);
  assertPolite(slow, quick);
});

test("the last copy of a job may run where the other one has failed", async (simulation) => {
  const scene = await Scene.set(simulation, { holdsCopies: true });
  const { slow, quick, recorded } = scene;
  await scene.copied();
  slow.script.answerJob = ({ attempt }) =>
    attempt === undefined ? { kind: KINDS.crash, text: "crashed" } : "echo";
  slow.release();
  await simulation.until("the straggler is answered", () => slow.slots.busy === 0);
  await quick.close();
  await recorded.completed(scene.count);
  recorded.assertEchoed(scene.inputs);
  await recorded.settled();
  assertPolite(slow, quick);
});

test("queued copies are canceled with everything that has not begun, and their stragglers finish", async (simulation) => {
  const scene = await Scene.set(simulation, { holdsCopies: true, quick: { slots: 2 } });
  const { slow, quick, recorded } = scene;
  await scene.copied(2);
  quick.script.answerJob = (job) =>
    textOf(job) === "input 0" ? { kind: KINDS.draining, text: "draining" } : "silence";
  quick.release();
  await simulation.until("a copy is queued", () => recorded.cluster.status.queued === 1);
  assert.equal(recorded.cluster.cancelUnstarted(), 0, "its job runs");
  assert.equal(recorded.cluster.status.queued, 0);
  slow.release();
  await recorded.completed(scene.count);
  recorded.assertEchoed(scene.inputs);
  await recorded.settled();
  assertPolite(slow, quick);
});

test("a job whose two copies are both queued is canceled as one", async (simulation) => {
  const scene = await Scene.set(simulation, { holdsCopies: true, quick: { slots: 2 } });
  const { slow, quick, recorded } = scene;
  await scene.copied(2);
  quick.script.answerJob = (job) =>
    textOf(job) === "input 1" ? { kind: KINDS.draining, text: "draining" } : "silence";
  quick.release();
  await simulation.until("a copy is queued", () => recorded.cluster.status.queued === 1);
  slow.drain();
  await simulation.until("its straggler as well", () => recorded.cluster.status.queued === 2);
  assert.equal(recorded.cluster.cancelUnstarted(), 1);
  assert.equal(recorded.cluster.status.queued, 0);
  slow.release();
  await recorded.completed(scene.count - 1);
  await recorded.settled();
  assert.equal(recorded.canceled, 0);
  assertPolite(slow, quick);
});

test("a job is copied once, however many slots are idle", async (simulation) => {
  const scene = await Scene.set(simulation, { holdsCopies: true, quick: { slots: 6 } });
  const { slow, quick, recorded } = scene;
  await scene.copied(2);
  await simulation.advance(LATE_MS);
  assert.deepEqual(scene.copies, ["input 0", "input 1"]);
  quick.release();
  await recorded.completed(scene.count);
  recorded.assertEchoed(scene.inputs);
  await recorded.settled();
  assertPolite(slow, quick);
});

test("no more copies are queued than there are idle slots", async (simulation) => {
  const scene = await Scene.set(simulation, { holdsCopies: true });
  const { slow, quick, recorded } = scene;
  await scene.copied();
  await simulation.advance(LATE_MS);
  assert.equal(scene.copies.length, 1);
  assert.equal(recorded.cluster.status.queued, 0);
  slow.release();
  quick.release();
  await recorded.completed(scene.count);
  recorded.assertEchoed(scene.inputs);
});

test("a straggler whose copy's worker drains is copied again, to another worker", async (simulation) => {
  const scene = await Scene.set(simulation, { holdsCopies: true });
  const { slow, quick, recorded } = scene;
  const third = await simulation.worker();
  await scene.copied();
  quick.drain();
  await simulation.advance(0);
  await quick.close();
  recorded.dial(third);
  await recorded.completed(scene.count);
  recorded.assertEchoed(scene.inputs);
  assert.deepEqual([...countsOf(third).keys()].sort(), ["input 0", "input 1"]);
  assertPolite(slow, quick, third);
});

test("a job that was running on a lost worker is not copied, as it may be the cause", async (simulation) => {
  const scene = await Scene.set(simulation, { holdsCopies: true });
  const { slow, quick, recorded } = scene;
  const third = await simulation.worker();
  await scene.copied();
  await quick.close();
  recorded.dial(third);
  await recorded.completed(scene.count - 1);
  await simulation.advance(LATE_MS);
  assert.deepEqual([...countsOf(third).keys()], ["input 1"], "the copy of the other was lost");
  slow.release();
  await recorded.completed(scene.count);
  recorded.assertEchoed(scene.inputs);
  assertPolite(slow, quick, third);
});

test("a task that was copied and has ended can be run and copied again", async (simulation) => {
  const scene = await Scene.set(simulation, { holdsCopies: true });
  const { slow, quick, recorded } = scene;
  await scene.copied();
  quick.release();
  await recorded.completed(scene.count);
  await recorded.settled();
  assert.equal(scene.copies.length, 2);
  const { payload } = recorded.completions.find(({ job }) => job.attempt === 2)?.job ??
    assert.fail("no copy has ended");
  const runs = () => countsOf(slow).get(textOf(payload))! + countsOf(quick).get(textOf(payload))!;
  assert.equal(runs(), 2);
  quick.hold();
  recorded.addTask(payload);
  await simulation.advance(LATE_MS);
  assert.equal(runs(), 4);
  slow.release();
  await recorded.completed(scene.count + 1);
  assertPolite(slow, quick);
});

/** When there are no copies, with what is special then. */
const UNCOPIED: [string, SceneOptions][] = [
  ["with --no-speculate", { speculates: false }],
  ["before all jobs are queued", { isEnded: false }],
];

for (const [when, options] of UNCOPIED) {
  test(`no job is copied ${when}`, async (simulation) => {
    const scene = await Scene.set(simulation, options);
    const { slow, quick, recorded } = scene;
    await recorded.completed(scene.count - 2);
    await simulation.advance(LATE_MS);
    assert.equal(recorded.completions.length, scene.count - 2);
    assert.equal(slow.received.jobs.length, 2);
    assert.equal(quick.received.jobs.length, scene.count - 2);
    slow.release();
    await recorded.completed(scene.count);
    recorded.assertEchoed(scene.inputs);
    assertPolite(slow, quick);
  });
}

test("with few answers to compare with, a straggler is copied after ten seconds", async (simulation) => {
  const scene = await Scene.set(simulation, { count: 5 });
  const { recorded } = scene;
  await recorded.completed(scene.count - 2);
  const { clock } = simulation.network;
  const beganAtMs = clock.now();
  await recorded.completed(scene.count);
  recorded.assertEchoed(scene.inputs);
  const ms = clock.now() - beganAtMs;
  assert(ms >= 9_000 && ms < 11_000, `after ${ms} ms`);
});

test("no job is copied to another slot of the worker that has it", async (simulation) => {
  const worker = await simulation.worker({ slots: 2 });
  const recorded = simulation.cluster();
  const inputs = numberedInputs(12);
  worker.script.answerJob = (job) =>
    textOf(job) === "input 0" && job.attempt === undefined ? "silence" : "echo";
  recorded.dial(worker);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length - 1);
  await simulation.advance(LATE_MS);
  assert.equal(worker.received.jobs.length, inputs.length);
  assert.equal(recorded.cluster.status.queued, 0);
  worker.cut();
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assertPolite(worker);
});

interface SceneOptions {
  slow?: Options2;
  quick?: Options2;
  count?: number;
  speculates?: boolean;
  isEnded?: boolean;
  /** The quick worker finishes no copy until it is released. */
  holdsCopies?: boolean;
  failsCopies?: boolean;
}

/** A worker that holds the two jobs it has got, one running and one waiting, and one that does the others. */
class Scene {
  private constructor(
    readonly simulation: Simulation,
    readonly slow: ScriptedWorker2,
    readonly quick: ScriptedWorker2,
    readonly recorded: RecordedCluster,
    readonly inputs: readonly Uint8Array<ArrayBuffer>[],
  ) {}

  static async set(simulation: Simulation, options: SceneOptions = {}): Promise<Scene> {
    const { count = 12, speculates = true, isEnded = true } = options;
    const slow = await simulation.worker(options.slow);
    const quick = await simulation.worker(options.quick);
    const recorded = simulation.cluster({ speculates, coreOutput: "all" });
    const inputs = numberedInputs(count);
    slow.hold();
    recorded.dial(slow);
    recorded.add(inputs.slice(0, 2));
    await simulation.until("the slow worker has two jobs", () => slow.received.jobs.length === 2);
    quick.script.answerJob = ({ attempt }) =>
      options.failsCopies && attempt === 2 ? { kind: KINDS.memory, text: "too much" } : "echo";
    recorded.dial(quick);
    recorded.add(inputs.slice(2));
    if (options.holdsCopies) {
      await recorded.completed(count - 2);
      quick.hold();
    }
    if (isEnded) recorded.cluster.end();
    return new Scene(simulation, slow, quick, recorded, inputs);
  }

  get count(): number {
    return this.inputs.length;
  }

  /** Waits until so many jobs are copied. A worker with one slot that holds the first copy gets no second. */
  async copied(count = 1): Promise<void> {
    await this.simulation.until("there are copies", () => this.copies.length >= count);
  }

  get copies(): readonly string[] {
    return this.quick.received.jobs.filter(({ attempt }) => attempt === 2).map(textOf);
  }
}
