/** Whose fault is it? Jobs that fail on one node and pass on another, and nodes that are to blame. */

import assert from "node:assert/strict";
import { DEFAULT_POLICY } from "../../../controller/cluster/job_policy.ts";
import { KINDS } from "../../fixtures/peers/frames.ts";
import { onlyVersion1 } from "../../fixtures/peers/scripted_worker_2.ts";
import type {
  JobAnswer,
  Options2,
  ScriptedWorker2,
} from "../../fixtures/peers/scripted_worker_2.ts";
import {
  assertPolite,
  countsOf,
  numberedInputs,
  type RecordedCluster,
  type Simulation,
  test,
  textOf,
} from "../simulation.ts";

const EXIT: JobAnswer = { exitCode: 3, output: new Uint8Array() };
const ILLEGAL: JobAnswer = { kind: KINDS.crash, text: "crashed: SIGILL" };
const NO_SPACE: JobAnswer = { kind: KINDS.other, text: "no space left on device" };

const NO_FAULTS = { exitCodes: 0, crashes: 0, timeouts: 0, memory: 0, lost: 0 };

/** A worker that answers every job in the same way. */
function answering(answer: JobAnswer, options: Options2 = {}): Options2 {
  return { delayMs: 0, answerJob: () => answer, ...options };
}

/** Workers, and a cluster that has connected to all of them. */
async function connectedTo(
  simulation: Simulation,
  ...options: Options2[]
): Promise<{ recorded: RecordedCluster; workers: ScriptedWorker2[] }> {
  const workers = await simulation.workers(...options);
  const recorded = simulation.cluster();
  for (const worker of workers) recorded.dial(worker);
  await recorded.connected(workers.length);
  return { recorded, workers };
}

/** Fails some inputs on every worker. */
function failEverywhere(workers: ScriptedWorker2[], texts: string[], answer: JobAnswer): void {
  for (const worker of workers) {
    worker.script.answerJob = (job) => texts.includes(textOf(job)) ? answer : "echo";
  }
}

for (
  const [what, answer] of [
    ["exit codes", EXIT],
    ["crashes", ILLEGAL],
    ["errors", NO_SPACE],
    ["jobs that are killed", { kind: KINDS.killed, text: "killed: SIGKILL" }],
    ["timeouts", { kind: KINDS.timeout, text: "timed out" }],
    ["memory limits that it cannot enforce", { kind: KINDS.memory, text: "cannot watch" }],
  ] as const
) {
  test(`a worker with nothing but ${what} fails no job beside a good one, and is set aside`, async (simulation) => {
    const { recorded, workers } = await connectedTo(simulation, answering(answer), { delayMs: 10 });
    const inputs = numberedInputs(100);
    recorded.addAll(inputs);
    await recorded.completed(inputs.length);
    recorded.assertEchoed(inputs);
    assert.match(recorded.warnings.join("\n"), /^worker \S+ is set aside: \d+ jobs that failed/m);
    const [bad] = workers as [ScriptedWorker2];
    assert(recorded.warnings[0]?.includes(`127.0.0.1:${bad.port}`));
    assertPolite(...workers);
    await recorded.settled();
  });
}

test("three workers whose jobs crash take no job down beside one good worker", async (simulation) => {
  const bad = answering(ILLEGAL, { slots: 2 });
  const { recorded } = await connectedTo(simulation, bad, bad, bad, { delayMs: 500 });
  const inputs = numberedInputs(8);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
});

test("a bad worker beside two good ones fails no job, although it connects first", async (simulation) => {
  const workers = await simulation.workers(answering(EXIT), { delayMs: 9 }, { delayMs: 9 });
  const [bad, ...good] = workers as [ScriptedWorker2, ScriptedWorker2, ScriptedWorker2];
  const recorded = simulation.cluster();
  const inputs = numberedInputs(100);
  recorded.dial(bad);
  recorded.addAll(inputs);
  for (const worker of good) recorded.dial(worker);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
});

test("a failed job waits for another worker as long as one is expected, and then fails", async (simulation) => {
  const { clock } = simulation.network;
  const bad = await simulation.worker(answering(EXIT));
  const recorded = simulation.cluster();
  recorded.dial(bad);
  recorded.dial({ port: 1 }); // nobody is there
  recorded.addAll(numberedInputs(1));
  await recorded.completed(1);
  assert.deepEqual(recorded.ends, ["3: "]);
  assert(clock.now() >= 9_000 && clock.now() < 12_000, `${clock.now()} ms`);
});

test("without another worker a job fails at its first exit code", async (simulation) => {
  const { recorded } = await connectedTo(simulation, answering(EXIT));
  recorded.addAll(numberedInputs(3));
  await recorded.completed(3);
  assert(recorded.completions.every(({ job }) => job.attempt === 1));
  assert(recorded.completions.every(({ reason }) => reason === undefined));
  assert(simulation.network.clock.now() < 1_000);
  assert.deepEqual(recorded.cluster.status.faults, { ...NO_FAULTS, exitCodes: 3 });
});

test("a job that fails on every worker fails with each reason and its worker", async (simulation) => {
  const { recorded } = await connectedTo(
    simulation,
    answering(ILLEGAL),
    answering(NO_SPACE),
    answering(EXIT),
  );
  recorded.addAll(numberedInputs(1));
  await recorded.completed(1);
  const reason = recorded.completions[0]?.reason ?? "";
  assert.deepEqual(reason.replace(/scripted(#\d)?/g, "NODE").split("; ").sort(), [
    ...["crashed: SIGILL on NODE", "exit code 3 on NODE", "no space left on device on NODE"],
  ]);
  assert.deepEqual(reason.match(/scripted(#\d)?/g)?.sort(), [
    ...["scripted", "scripted#2", "scripted#3"],
  ]);
  assert.equal(
    recorded.completions[0]?.sharedReason,
    "crashed: SIGILL; exit code 3; no space left on device",
  );
  assert.equal(recorded.completions[0]?.job.attempt, 3);
});

test("bad jobs that answer with exit codes cost a healthy run hardly any further try", async (simulation) => {
  const { recorded, workers } = await connectedTo(simulation, { delayMs: 10 }, { delayMs: 10 });
  const inputs = numberedInputs(600);
  const bad = inputs.map((input) => textOf({ input })).filter((_, index) => index % 4 === 1);
  failEverywhere(workers, bad, EXIT);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  const failed = recorded.completions.filter(({ answer }) =>
    answer.kind === "result" && answer.result.exitCode === 3
  );
  assert.equal(failed.length, bad.length);
  const tries = workers.reduce((sum, { received }) => sum + received.jobs.length, 0);
  assert(tries <= 1.05 * inputs.length, `${tries} tries of ${inputs.length} jobs`);
  assert.deepEqual(recorded.warnings, [], "no worker is set aside");
});

test("a worker that breaks in the middle of a run fails no job", async (simulation) => {
  const { recorded, workers } = await connectedTo(simulation, { delayMs: 10 }, { delayMs: 10 });
  const [breaking] = workers as [ScriptedWorker2];
  const inputs = numberedInputs(400);
  breaking.script.answerJob = () => breaking.received.jobs.length > 60 ? EXIT : "echo";
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.equal(recorded.warnings.length, 1);
});

test("a worker that is set aside gets one job at a time, ever more seldom, and is used again once it is repaired", async (simulation) => {
  const { recorded, workers } = await connectedTo(
    simulation,
    answering(ILLEGAL, { delayMs: 200, slots: 2 }),
    { delayMs: 100, slots: 2 },
  );
  const [bad, good] = workers as [ScriptedWorker2, ScriptedWorker2];
  const inputs = numberedInputs(4_000);
  recorded.addAll(inputs);
  await simulation.until("it is set aside", () => recorded.warnings.length > 0);
  const before = bad.received.jobs.length;
  await simulation.advance(75_000);
  assert.equal(bad.received.jobs.length, before + 3, "after 10, 20 and 40 seconds");
  bad.script.answerJob = () => "echo";
  await simulation.advance(95_000);
  assert(bad.received.jobs.length > before + 100, "it is used again");
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assertPolite(bad, good);
});

test("the last worker is used although it was set aside, and its failures are the jobs'", async (simulation) => {
  const { recorded, workers } = await connectedTo(simulation, answering(EXIT), { delayMs: 10 });
  const [, good] = workers as [ScriptedWorker2, ScriptedWorker2];
  const inputs = numberedInputs(60);
  recorded.add(inputs.slice(0, 30));
  await recorded.completed(30);
  assert.equal(recorded.warnings.length, 1);
  recorded.leave(good);
  await recorded.connected(1);
  recorded.addAll(inputs.slice(30));
  await recorded.completed(60);
  assert.equal(recorded.ends.filter((end) => end === "3: ").length, 30);
});

test("a worker that says it has 65,535 slots and fails all jobs gets a thousand of them", async (simulation) => {
  const { recorded, workers } = await connectedTo(
    simulation,
    answering(NO_SPACE, { slots: 65_535 }),
    { delayMs: 1, slots: 4 },
  );
  const [liar] = workers as [ScriptedWorker2];
  const inputs = numberedInputs(3_000);
  liar.hold();
  recorded.addAll(inputs);
  await simulation.until("it has jobs", () => liar.slots.busy > 0);
  assert.equal(liar.received.jobs.length, 1_024);
  liar.release();
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
});

test("a worker that connects again and again as a new process is one node", async (simulation) => {
  const good = await simulation.worker({ delayMs: 20 });
  const recorded = simulation.cluster();
  const port = recorded.listen();
  recorded.dial(good);
  await recorded.connected(1);
  const inputs = numberedInputs(60);
  recorded.addAll(inputs);
  for (let count = 0; count < 20; count++) {
    const liar = await simulation.dialingWorker(port, answering(EXIT, { slots: 1 }));
    await simulation.advance(10);
    liar.cut();
    await simulation.advance(5);
  }
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert(recorded.completions.every(({ job }) => job.attempt <= 3));
});

test("an error response of a version 1 worker is tried on another worker", async (simulation) => {
  const old = await simulation.peer(onlyVersion1());
  const bad = await simulation.worker(answering(NO_SPACE));
  const recorded = simulation.cluster();
  recorded.dial(bad);
  recorded.dial(old);
  await recorded.connected(2);
  const inputs = numberedInputs(20);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
});

test("a job that is killed on one worker is tried on another before it fails", async (simulation) => {
  const killed: JobAnswer = { kind: KINDS.killed, text: "killed: SIGKILL" };
  const { recorded, workers } = await connectedTo(simulation, {}, {});
  failEverywhere(workers, ["input 3"], killed);
  const inputs = numberedInputs(40);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  assert.equal(recorded.ends.filter((end) => !end.startsWith("0: ")).length, 1);
  assert.deepEqual(workers.map((worker) => countsOf(worker).get("input 3")), [1, 1]);
  assert(recorded.ends.some((end) => end.includes("in 6 attempts")), recorded.ends.join());
  assert.equal(recorded.cluster.status.faults.crashes, 6, "three on each");
});

test("a job whose slots were ended again and again counts as one failed attempt on each worker", async (simulation) => {
  const text = "was ended by SIGTERM, 10 times while it ran";
  const { recorded, workers } = await connectedTo(simulation, {}, {});
  failEverywhere(workers, ["input 3"], { kind: KINDS.killed, text });
  const inputs = numberedInputs(40);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  const [failed = ""] = recorded.ends.filter((end) => !end.startsWith("0: "));
  assert.match(failed, /^killed: was ended by SIGTERM, 10 times while it ran$/);
  assert.equal(recorded.cluster.status.faults.crashes, 2);
});

test("a verified job that crashes on one worker is still decided by two others", async (simulation) => {
  const workers = await simulation.workers(answering(ILLEGAL), { delayMs: 5 }, { delayMs: 5 });
  const recorded = simulation.cluster({ verifiedPart: 1, policy: { ...DEFAULT_POLICY } });
  for (const worker of workers) recorded.dial(worker);
  await recorded.connected(3);
  const inputs = numberedInputs(30);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  await recorded.settled();
});

test("a job that waits for another worker is canceled with the queue, and leaves nothing behind", async (simulation) => {
  const bad = await simulation.worker(answering(EXIT));
  const recorded = simulation.cluster();
  recorded.dial(bad);
  recorded.dial({ port: 1 });
  recorded.addAll(numberedInputs(5));
  await simulation.until("all have failed", () => bad.received.jobs.length === 5);
  await simulation.advance(100);
  assert.equal(recorded.completions.length, 0);
  assert.equal(recorded.cluster.cancelUnstarted(), 5);
  await recorded.settled();
  await simulation.advance(20_000);
  assert.equal(recorded.completions.length, 0);
});

test("answers of failed jobs that wait for another worker count as queued bytes, until they are canceled", async (simulation) => {
  const output = new Uint8Array(8 * 1024 * 1024);
  const bad = await simulation.worker(answering({ exitCode: 3, output }));
  const recorded = simulation.cluster();
  recorded.dial(bad);
  recorded.dial({ port: 1 });
  recorded.addAll(numberedInputs(7));
  await simulation.until("all have failed", () => recorded.cluster.status.queued === 7);
  assert.equal(recorded.cluster.hasRoom, true, "56 MiB");
  recorded.addAll(numberedInputs(1));
  await simulation.until("all have failed", () => recorded.cluster.status.queued === 8);
  assert.equal(recorded.cluster.hasRoom, false, "64 MiB");
  assert.equal(recorded.cluster.cancelUnstarted(), 8);
  recorded.cluster.end();
  assert.equal(recorded.cluster.hasRoom, true);
});

test("a straggler that has failed on a worker is not copied to that worker", async (simulation) => {
  const [bad, slow] = await simulation.workers({ delayMs: 1 }, { delayMs: 1 }) as [
    ScriptedWorker2,
    ScriptedWorker2,
  ];
  bad.script.answerJob = (job) => textOf(job) === "input 0" ? NO_SPACE : "echo";
  slow.script.answerJob = (job) => textOf(job) === "input 0" ? "silence" : "echo";
  const recorded = simulation.cluster();
  recorded.dial(bad);
  await recorded.connected(1);
  recorded.dial(slow);
  await recorded.connected(2);
  recorded.addAll(numberedInputs(12));
  await recorded.completed(11);
  await simulation.advance(60_000);
  assert.deepEqual([bad, slow].map((worker) => countsOf(worker).get("input 0")), [1, 1]);
});

test("a failed job does not wait for a worker that drains", async (simulation) => {
  const { recorded, workers } = await connectedTo(simulation, answering(EXIT), {});
  const [bad, leaving] = workers as [ScriptedWorker2, ScriptedWorker2];
  bad.hold();
  leaving.hold();
  recorded.addAll(numberedInputs(2));
  await simulation.until("both have a job", () => bad.slots.busy + leaving.slots.busy === 2);
  leaving.drain();
  await simulation.advance(10);
  bad.release();
  await recorded.completed(1);
  assert.equal(recorded.completions[0]?.job.attempt, 1);
});
