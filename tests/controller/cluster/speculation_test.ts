/** Second copies of jobs that take far too long. */

import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { Stragglers } from "../../../controller/cluster/stragglers.ts";
import { KINDS } from "../../fixtures/peers/frames.ts";
import { answering, startPeer } from "../../fixtures/peers/scripted_worker.ts";
import { type Options2, ScriptedWorker2 } from "../../fixtures/peers/scripted_worker_2.ts";
import { eventually } from "../../lib/processes.ts";
import { test } from "../../lib/test.ts";
import { assertPolite, countsOf, numberedInputs, RecordedCluster, textOf } from "./clusters.ts";

const LIMITS = { hopeMs: 20_000, versionMs: 2_000 };

/** A straggler is at least a second old, and looked for four times a second. */
const LATE_MS = 1_600;

test("nothing is a straggler before five answers have come", () => {
  const stragglers = new Stragglers();
  for (let count = 0; count < 4; count++) stragglers.onAnswer(10);
  assert.equal(stragglers.limitMs, Infinity);
  stragglers.onAnswer(10);
  assert.equal(stragglers.limitMs, 1_000);
});

test("a straggler takes twice the median, which a few others do not move", () => {
  const stragglers = new Stragglers();
  for (const ms of [3_000, 1, 3_000, 3_000, 900_000]) stragglers.onAnswer(ms);
  assert.equal(stragglers.limitMs, 6_000);
});

test("what is usual is what has been lately", () => {
  const stragglers = new Stragglers();
  for (let count = 0; count < 1_000; count++) stragglers.onAnswer(10);
  for (let count = 0; count < 512; count++) stragglers.onAnswer(4_000);
  assert.equal(stragglers.limitMs, 8_000);
});

test("a straggler is copied to an idle slot, the first answer counts, and the other is cancelled", async () => {
  await using scene = await Scene.set();
  const { slow, quick, recorded } = scene;
  await recorded.completed(scene.count);
  recorded.assertEchoed(scene.inputs);
  await recorded.settled();
  assert.deepEqual(slow.received.cancels, slow.received.jobs.map(({ id }) => id));
  assert.deepEqual(scene.copies, ["input 0", "input 1"]);
  assert.equal(quick.received.jobs.length, scene.count);
  assert.deepEqual(quick.received.cancels, []);
  assert.equal(slow.openConnections, 1);
  assertPolite(slow, quick);
});

test("a worker that joins when nothing waits any more still helps with what is late", async () => {
  await using slow = await ScriptedWorker2.start();
  await using quick = await ScriptedWorker2.start();
  const recorded = await RecordedCluster.make(LIMITS);
  try {
    const inputs = numberedInputs(7);
    recorded.dial(slow);
    recorded.add(inputs.slice(0, 6));
    await recorded.completed(6);
    slow.hold();
    recorded.add(inputs.slice(6));
    await eventually("the last job is out", () => slow.received.jobs.length === 7);
    recorded.cluster.end();
    recorded.dial(quick);
    await recorded.completed(7);
    assert.deepEqual(quick.received.jobs.map(textOf), ["input 6"]);
    assertPolite(slow, quick);
  } finally {
    recorded.cluster.close();
  }
});

test("when the straggler answers first, its copy is cancelled", async () => {
  await using scene = await Scene.set({ holdsCopies: true });
  const { slow, quick, recorded } = scene;
  await scene.copied();
  slow.release();
  await recorded.completed(scene.count);
  await recorded.settled();
  recorded.assertEchoed(scene.inputs);
  const [copy] = quick.received.jobs.filter(({ attempt }) => attempt === 2);
  assert.deepEqual(quick.received.cancels, [copy?.id]);
  assertPolite(slow, quick);
});

test("an answer that crosses its cancel is no answer too many", async () => {
  await using scene = await Scene.set({ slow: { answersBeforeCancel: true } });
  await scene.recorded.completed(scene.count);
  scene.recorded.assertEchoed(scene.inputs);
  await scene.recorded.settled();
  assert.equal(scene.slow.received.cancels.length, 2);
  assert.equal(scene.slow.openConnections, 1);
  assertPolite(scene.slow, scene.quick);
});

test("a worker of version 1 may answer a job that is done elsewhere, and is used on", async () => {
  const late: (() => void)[] = [];
  await using peer = await startPeer(answering({
    job: (session, message) => void late.push(() => session.echo(message)),
  }));
  await using quick = await ScriptedWorker2.start();
  using recorded = await RecordedCluster.make(LIMITS);
  const inputs = numberedInputs(12);
  recorded.dial(peer);
  await recorded.connected(1);
  recorded.addAll(inputs);
  await eventually("it has two jobs", () => late.length === 2);
  recorded.dial(quick);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.equal(recorded.cluster.status.inFlight, 2, "it has them still");
  for (const answer of late) answer();
  await recorded.settled();
  assert.deepEqual(recorded.warnings, []);
  assert.equal(peer.connections, 1);
  assertPolite(peer, quick);
});

test("a copy that fails is no failure while the straggler still runs", async () => {
  await using scene = await Scene.set({ failsCopies: true });
  const { slow, recorded } = scene;
  await scene.copied(2);
  await eventually("both copies are answered", () => scene.quick.slots.busy === 0);
  slow.release();
  await recorded.completed(scene.count);
  recorded.assertEchoed(scene.inputs);
  assertPolite(slow, scene.quick);
  await recorded.settled();
});

test("a straggler that fails is none while its copy still runs", async () => {
  await using scene = await Scene.set({ holdsCopies: true });
  const { slow, quick, recorded } = scene;
  await scene.copied();
  slow.script.answerJob = (job) =>
    textOf(job) === "input 0" ? { kind: KINDS.memory, text: "too much" } : "echo";
  slow.release();
  await eventually("the straggler is answered", () => slow.slots.busy === 0);
  quick.release();
  await recorded.completed(scene.count);
  recorded.assertEchoed(scene.inputs);
  assertPolite(slow, quick);
  await recorded.settled();
});

test("when both fail the job has failed, once", async () => {
  await using scene = await Scene.set({ failsCopies: true });
  const { slow, recorded } = scene;
  await scene.copied(2);
  await eventually("both copies are answered", () => scene.quick.slots.busy === 0);
  slow.script.answerJob = () => ({ kind: KINDS.memory, text: "too much" });
  slow.release();
  await recorded.completed(scene.count);
  await recorded.settled();
  const failed = recorded.ends.slice(0, 2);
  assert.deepEqual(failed, Array(2).fill("memory: too much"));
  assertPolite(slow, scene.quick);
});

test("a straggler goes on when its copy's worker is lost", async () => {
  await using scene = await Scene.set({ holdsCopies: true });
  const { slow, quick, recorded } = scene;
  await scene.copied();
  await quick.close();
  await eventually("it is lost", () => recorded.cluster.status.workers === 1);
  slow.release();
  await recorded.completed(scene.count);
  recorded.assertEchoed(scene.inputs);
  await recorded.settled();
  assertPolite(slow, quick);
});

test("a copy goes on when its straggler's worker is lost", async () => {
  await using scene = await Scene.set({ holdsCopies: true });
  const { slow, quick, recorded } = scene;
  await scene.copied();
  await slow.close();
  await eventually("it is lost", () => recorded.cluster.status.workers === 1);
  quick.release();
  await recorded.completed(scene.count);
  recorded.assertEchoed(scene.inputs);
  await recorded.settled();
  assert.equal(countsOf(quick).get("input 0"), 1, "the straggler is not run beside its copy");
  assertPolite(slow, quick);
});

test("a job whose two workers are both lost runs again, once", async () => {
  await using scene = await Scene.set({ holdsCopies: true });
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

test("a copy that is left alone may run where its straggler has failed", async () => {
  await using scene = await Scene.set({ holdsCopies: true });
  const { slow, quick, recorded } = scene;
  await scene.copied();
  slow.script.answerJob = ({ attempt }) =>
    attempt === undefined ? { kind: KINDS.crash, text: "crashed" } : "echo";
  slow.release();
  await eventually("the straggler is answered", () => slow.slots.busy === 0);
  await quick.close();
  await recorded.completed(scene.count);
  recorded.assertEchoed(scene.inputs);
  await recorded.settled();
  assertPolite(slow, quick);
});

test("what is queued can be taken back while copies run, and those that wait do not count", async () => {
  await using scene = await Scene.set({ holdsCopies: true, quick: { slots: 2 } });
  const { slow, quick, recorded } = scene;
  await scene.copied(2);
  quick.script.answerJob = (job) =>
    textOf(job) === "input 0" ? { kind: KINDS.draining, text: "about to leave" } : "silence";
  quick.release();
  await eventually("a copy waits", () => recorded.cluster.status.queued === 1);
  assert.equal(recorded.cluster.cancelUnstarted(), 0, "it runs, too");
  assert.equal(recorded.cluster.status.queued, 0);
  slow.release();
  await recorded.completed(scene.count);
  recorded.assertEchoed(scene.inputs);
  await recorded.settled();
  assertPolite(slow, quick);
});

test("a job is copied once, however many slots are idle", async () => {
  await using scene = await Scene.set({ holdsCopies: true, quick: { slots: 6 } });
  const { slow, quick, recorded } = scene;
  await scene.copied(2);
  await delay(LATE_MS);
  assert.deepEqual(scene.copies, ["input 0", "input 1"]);
  quick.release();
  await recorded.completed(scene.count);
  recorded.assertEchoed(scene.inputs);
  await recorded.settled();
  assertPolite(slow, quick);
});

/** When there are no copies, with what is special then. */
const UNCOPIED: [string, SceneOptions][] = [
  ["when one does without", { speculates: false }],
  ["before the end is in sight", { isEnded: false }],
  ["before there are answers to compare with", { count: 6 }],
];

for (const [when, options] of UNCOPIED) {
  test(`no job is copied ${when}`, async () => {
    await using scene = await Scene.set(options);
    const { slow, quick, recorded } = scene;
    await recorded.completed(scene.count - 2);
    await delay(LATE_MS);
    assert.equal(recorded.completions.length, scene.count - 2);
    assert.equal(slow.received.jobs.length, 2);
    assert.equal(quick.received.jobs.length, scene.count - 2);
    slow.release();
    await recorded.completed(scene.count);
    recorded.assertEchoed(scene.inputs);
    assertPolite(slow, quick);
  });
}

test("no job is copied to another slot of the worker that has it", async () => {
  await using worker = await ScriptedWorker2.start({ slots: 2 });
  using recorded = await RecordedCluster.make(LIMITS);
  const inputs = numberedInputs(12);
  worker.script.answerJob = (job) =>
    textOf(job) === "input 0" && job.attempt === undefined ? "silence" : "echo";
  recorded.dial(worker);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length - 1);
  await delay(LATE_MS);
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

/** A worker that holds the jobs it has got, one at work and one that waits, and one that does the others. */
class Scene implements AsyncDisposable {
  private constructor(
    readonly slow: ScriptedWorker2,
    readonly quick: ScriptedWorker2,
    readonly recorded: RecordedCluster,
    readonly inputs: readonly Uint8Array<ArrayBuffer>[],
  ) {}

  static async set(options: SceneOptions = {}): Promise<Scene> {
    const { count = 12, speculates = true, isEnded = true } = options;
    const scene = new Scene(
      await ScriptedWorker2.start(options.slow),
      await ScriptedWorker2.start(options.quick),
      await RecordedCluster.make({ ...LIMITS, speculates }),
      numberedInputs(count),
    );
    const { slow, quick, recorded, inputs } = scene;
    slow.hold();
    recorded.dial(slow);
    recorded.add(inputs.slice(0, 2));
    await eventually("the slow worker has two jobs", () => slow.received.jobs.length === 2);
    quick.script.answerJob = ({ attempt }) =>
      options.failsCopies && attempt === 2 ? { kind: KINDS.memory, text: "too much" } : "echo";
    recorded.dial(quick);
    recorded.add(inputs.slice(2));
    if (options.holdsCopies) {
      await recorded.completed(count - 2);
      quick.hold();
    }
    if (isEnded) recorded.cluster.end();
    return scene;
  }

  get count(): number {
    return this.inputs.length;
  }

  /** Waits until so many jobs are copied. A worker with one slot that holds the first copy gets no second. */
  async copied(count = 1): Promise<void> {
    await eventually("there are copies", () => this.copies.length >= count);
  }

  get copies(): readonly string[] {
    return this.quick.received.jobs.filter(({ attempt }) => attempt === 2).map(textOf);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.recorded.cluster.close();
    await this.slow.close();
    await this.quick.close();
  }
}
