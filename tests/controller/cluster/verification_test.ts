/** Verification: jobs that run on two workers, whose outputs have to be the same. */

import assert from "node:assert/strict";
import type { ClusterOptions } from "../../../controller/cluster/cluster.ts";
import { DEFAULT_POLICY } from "../../../controller/cluster/job_policy.ts";
import type { Completion, Task } from "../../../controller/cluster/cluster_types.ts";
import { WorkerMeter } from "../../../controller/cluster/worker_meter.ts";
import {
  DisagreementError,
  Verification,
  type VerificationActions,
} from "../../../controller/cluster/verification.ts";
import { newJob } from "../../../pool/job.ts";
import type { ClientId, CoreKey } from "../../../pool/types.ts";
import { systemClock } from "../../../runtime/clock.ts";
import { WallTime } from "../../../system/wall_time.ts";
import { KINDS } from "../../fixtures/peers/frames.ts";
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

const VERIFIED = { verifiedPart: 1 };
const MIB = 1024 * 1024;
const utf8 = new TextEncoder();

const NO_ACTIONS: VerificationActions<Task> = {
  runElsewhere: () => {},
  reject: () => {},
  onOutvoted: () => {},
  onDisagreement: () => {},
};

function wrong(text = "a wrong output"): JobAnswer {
  return { exitCode: 0, output: utf8.encode(text) };
}

/** Workers, and a cluster that verifies all jobs on them. */
async function verifiedOn(
  simulation: Simulation,
  workerOptions: Options2[],
  options: ClusterOptions = {},
): Promise<{ recorded: RecordedCluster; workers: Workers }> {
  const workers = await simulation.workers(...workerOptions) as Workers;
  const recorded = simulation.cluster({ ...VERIFIED, ...options });
  for (const worker of workers) recorded.dial(worker);
  await recorded.connected(workers.length);
  return { recorded, workers };
}

/** As many as a test has asked for. */
type Workers = [ScriptedWorker2, ScriptedWorker2, ScriptedWorker2];

for (const count of [2, 3]) {
  test(`with ${count} workers every job runs on two of them, once on each`, async (simulation) => {
    const { recorded, workers } = await verifiedOn(simulation, Array(count).fill({ slots: 2 }));
    const inputs = numberedInputs(60);
    recorded.addAll(inputs);
    await recorded.completed(inputs.length);
    recorded.assertEchoed(inputs);
    await recorded.settled();
    const counts = workers.map(countsOf);
    for (const input of inputs) {
      const own = counts.map((runs) => runs.get(textOf({ input })) ?? 0);
      assert.equal(own.reduce((sum, runs) => sum + runs), 2);
      assert(own.every((runs) => runs <= 1), "no worker confirms itself");
    }
    assert(recorded.completions.every(({ sent }) => sent === 2), "each result says so");
    assert.deepEqual(recorded.warnings, []);
    assertPolite(...workers);
  });
}

test("a part of one twentieth is every twentieth job", () => {
  const input = new Uint8Array();
  for (const [part, count] of [[0.05, 50], [0.5, 500], [1, 1_000], [0.001, 1]] as const) {
    const verification = new Verification(part, NO_ACTIONS);
    const chosen = Array.from({ length: 1_000 }, (_, index) => index)
      .filter((index) => verification.includes({ index, input }));
    assert.equal(chosen.length, count);
    const gaps = chosen.slice(1).map((index, at) => index - (chosen[at] ?? 0));
    assert(gaps.every((gap) => Math.abs(gap - 1 / part) <= 1), `${gaps}`);
  }
});

test("results are held until their job is decided: agreed, split, tied or canceled", () => {
  const verification = new Verification<Task>(1, NO_ACTIONS);
  const vote = (identity: string, task: Task, bytes: number) =>
    verification.onResult({ identity, voter: identity }, resultOf(task, new Uint8Array(bytes)));
  const [agreed, split, tied, canceled] = [0, 1, 2, 3].map(taskOf) as [Task, Task, Task, Task];
  vote("a", agreed, 100);
  assert.equal(verification.heldBytes, 100);
  vote("b", agreed, 100);
  assert.equal(verification.heldBytes, 0);
  vote("a", split, 1);
  vote("b", split, 20);
  assert.equal(verification.heldBytes, 21);
  vote("c", split, 300);
  assert.equal(verification.heldBytes, 0);
  vote("a", tied, 1);
  vote("b", tied, 20);
  verification.endTies(["a", "b", "c"]);
  assert.equal(verification.heldBytes, 21, "c can break the tie");
  verification.endTies(["a", "b"]);
  assert.equal(verification.heldBytes, 0);
  vote("a", canceled, 7);
  verification.forget(canceled);
  assert.equal(verification.heldBytes, 0);
});

test("a verified job has the measures of the worker that is named, and not of the one that agreed", () => {
  const verification = new Verification<Task>(1, NO_ACTIONS);
  const task = taskOf(0);
  const vote = (identity: string, answeredAtMs: number) =>
    verification.onResult({ identity, voter: identity }, {
      ...resultOf(task, new Uint8Array(1)),
      worker: identity,
      answeredAtMs,
    });
  vote("a", 1_000);
  const agreed = vote("b", 2_000);
  assert.equal(agreed?.worker, "a");
  const { queuedAt, answeredAt } = agreed?.measures ?? assert.fail("it has none");
  assert.equal(answeredAt - queuedAt, 1_000);
});

test("beyond 64 MiB, results that wait for a vote are compared by their hash", () => {
  const accepted: Uint8Array[] = [];
  const verification = new Verification<Task>(1, NO_ACTIONS);
  const vote = (identity: string, task: Task, output: Uint8Array<ArrayBuffer>) => {
    const agreed = verification.onResult({ identity, voter: identity }, resultOf(task, output));
    if (agreed?.answer.kind === "result") accepted.push(agreed.answer.result.output);
  };
  const tasks = [0, 1, 2, 3].map(taskOf);
  const outputs = tasks.map((_, index) => new Uint8Array(22 * MIB).fill(index));
  tasks.forEach((task, at) => vote("a", task, outputs[at] as Uint8Array<ArrayBuffer>));
  assert.equal(verification.heldBytes, 44 * MIB, "the third and the fourth are not kept");
  const [, , third, fourth] = tasks as [Task, Task, Task, Task];
  const changed = (outputs[2] as Uint8Array<ArrayBuffer>).slice();
  changed[17 * MIB] = 9;
  vote("b", third, changed);
  vote("c", third, (outputs[2] as Uint8Array<ArrayBuffer>).slice());
  vote("b", fourth, (outputs[3] as Uint8Array<ArrayBuffer>).slice());
  assert.deepEqual(accepted.map((output) => output[17 * MIB]), [2, 3]);
  for (const task of tasks) verification.forget(task);
  assert.equal(verification.heldBytes, 0);
  vote("a", third, new Uint8Array(100 * MIB));
  assert.equal(verification.heldBytes, 100 * MIB, "a single one may be larger");
});

test("jobs that are not in the sample run once", async (simulation) => {
  const { recorded, workers } = await verifiedOn(simulation, [{}, {}], { verifiedPart: 0.05 });
  const inputs = numberedInputs(100);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  const runs = workers.reduce((sum, { received }) => sum + received.jobs.length, 0);
  assert.equal(runs, 105);
  assertPolite(...workers);
});

test("a worker that computes wrong results causes a warning, is then excluded, and none of its results counts", async (simulation) => {
  const delayMs = 5; // so that the faulty one gets jobs
  const { recorded, workers } = await verifiedOn(simulation, [{ delayMs }, { delayMs }, {}]);
  const [, , faulty] = workers;
  faulty.script.answerJob = () => wrong();
  const inputs = numberedInputs(60);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  const name = `127.0.0.1:${faulty.port}`;
  const reason = "its output for job \\d+ differs from that of two other workers";
  const expected = [
    `worker ${name}: ${reason}`,
    `worker ${name}: ${reason}`,
    `cannot use worker ${name}: it computes wrong results: ${reason}, again`,
  ];
  assert.equal(recorded.warnings.length, expected.length);
  for (const [index, text] of expected.entries()) {
    assert.match(recorded.warnings[index] ?? "", new RegExp(`^${text}$`));
  }
  assert.equal(faulty.connections, 1, "it is not dialed again at once");
  assert.equal(faulty.openConnections, 0);
  await recorded.settled();
  assertPolite(...workers);
});

test("an excluded worker stays excluded, and a new process at its address is used", async (simulation) => {
  const delayMs = 5;
  const { recorded, workers } = await verifiedOn(simulation, [{ delayMs }, { delayMs }, {}]);
  const [, , faulty] = workers;
  faulty.script.answerJob = () => wrong();
  const inputs = numberedInputs(80);
  recorded.add(inputs.slice(0, 40));
  await simulation.until("it is excluded", () => recorded.warnings.length === 3);
  const { length } = faulty.received.jobs;
  delete faulty.script.answerJob;
  await simulation.until("it is asked who it is", () => faulty.connections >= 4);
  assert.equal(faulty.received.jobs.length, length);
  assert.equal(recorded.warnings.length, 3, "that is reported once");
  faulty.restart();
  await recorded.connected(3);
  recorded.addAll(inputs.slice(40));
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert(faulty.received.jobs.length > length, "it has got jobs again");
  await recorded.settled();
});

test("an excluded worker that connects to the cluster is rejected each time", async (simulation) => {
  const delayMs = 5;
  const { recorded } = await verifiedOn(simulation, [{ delayMs }, { delayMs }]);
  const port = recorded.listen();
  const faulty = await simulation.dialingWorker(port);
  faulty.script.answerJob = () => wrong();
  await recorded.connected(3);
  const inputs = numberedInputs(80);
  recorded.add(inputs.slice(0, 40));
  await simulation.until("it is excluded", () => faulty.openConnections === 0);
  const { length } = faulty.received.jobs;
  const warnings = recorded.warnings.length;
  for (let count = 0; count < 3; count++) {
    await faulty.dial(port);
    await simulation.until("it is rejected", () => faulty.openConnections === 0);
  }
  recorded.addAll(inputs.slice(40));
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.equal(faulty.received.jobs.length, length);
  assert.equal(recorded.warnings.length, warnings, "that is reported once");
});

test("a worker that is disconnected when it loses its second vote is excluded when it reconnects", async (simulation) => {
  const workers = await simulation.workers({}, {});
  const recorded = simulation.cluster(VERIFIED);
  const port = recorded.listen();
  const faulty = await simulation.dialingWorker(port, { slots: 2 });
  faulty.script.answerJob = () => wrong();
  const inputs = numberedInputs(20);
  recorded.addAll(inputs);
  await simulation.until("it has voted", () => faulty.received.jobs.length >= 8);
  faulty.cut();
  await recorded.connected(0);
  for (const worker of workers) recorded.dial(worker);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  const { length } = faulty.received.jobs;
  await faulty.dial(port);
  await simulation.until("it is rejected", () => faulty.openConnections === 0);
  assert.equal(faulty.received.jobs.length, length);
  const isReport = (text: string) => /cannot use worker .* it computes wrong results/.test(text);
  assert(recorded.warnings.some(isReport));
});

test("a job fails when two workers disagree and there is no third, and both are named", async (simulation) => {
  const { recorded, workers } = await verifiedOn(simulation, [{}, {}]);
  const [, faulty] = workers;
  faulty.script.answerJob = ({ job }) => job >= 7n && job <= 10n ? wrong() : "echo";
  const inputs = numberedInputs(20);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  const [one, other] = workers.map(({ port }) => `127.0.0.1:${port}`);
  inputs.forEach((input, index) => {
    if (index < 7 || index > 10) {
      return assert.equal(recorded.ends[index], `0: ${textOf({ input })}`);
    }
    const names = `(${one}, ${other}|${other}, ${one})`;
    const problem = "give different outputs, and no third worker is available to break the tie";
    assert.match(recorded.ends[index] ?? "", new RegExp(`^other: ${names} ${problem}$`));
  });
  await recorded.settled();
  assert.deepEqual(recorded.disagreements, [], "they agree on the others");
  assertPolite(...workers);
});

for (
  const [count, rest] of [[2, ", and no third worker is available to break the tie"], [
    3,
    "",
  ]] as const
) {
  test(`jobs on which ${count} workers disagree have a reason in common, which names no worker`, async (simulation) => {
    const { recorded, workers } = await verifiedOn(simulation, Array(count).fill({}));
    let outputs = 0;
    for (const { script } of workers) script.answerJob = () => wrong(`output ${++outputs}`);
    recorded.addAll(numberedInputs(3));
    await recorded.completed(3);
    const reasons = new Set(recorded.completions.map(({ sharedReason }) => sharedReason));
    assert.deepEqual([...reasons], [`workers give different outputs${rest}`]);
    const ends = new Set(recorded.ends.map((end) => end.replace(/^other: /, "")));
    const names = workers.map(({ port }) => `127.0.0.1:${port}`).sort();
    assert.deepEqual([...ends], [`${names.join(", ")} give different outputs${rest}`]);
  });
}

test("a tie that has failed its job is not broken by a third worker that comes too late", async (simulation) => {
  const { recorded, workers } = await verifiedOn(simulation, [{}, {}]);
  const third = await simulation.worker();
  workers[1].script.answerJob = (job) => textOf(job) === "input 0" ? wrong() : "echo";
  const inputs = numberedInputs(40);
  recorded.add(inputs.slice(0, 10));
  await recorded.completed(10);
  await recorded.settled();
  recorded.dial(third);
  await recorded.connected(3);
  recorded.addAll(inputs.slice(10));
  await recorded.completed(40);
  await recorded.settled();
  assert.equal(recorded.ends.length, 40);
  assert.equal(countsOf(third).get("input 0"), undefined);
});

test("a third worker that comes in time breaks the tie", async (simulation) => {
  const { recorded, workers } = await verifiedOn(simulation, [{}, {}]);
  const third = await simulation.worker();
  workers[1].script.answerJob = (job) => textOf(job) === "input 0" ? wrong() : "echo";
  recorded.listen(); // so that another worker may come
  const inputs = numberedInputs(10);
  recorded.addAll(inputs);
  await recorded.completed(9);
  await simulation.advance(60_000);
  recorded.dial(third);
  await recorded.completed(10);
  recorded.assertEchoed(inputs);
  assert.match(recorded.warnings[0] ?? "", /^--verify waits for another worker/);
  assert.equal(recorded.warnings.length, 2);
  await recorded.settled();
});

test("a core with different outputs for the same input ends the run after three jobs", async (simulation) => {
  const { recorded, workers } = await verifiedOn(simulation, [{}, {}, {}]);
  let count = 0;
  for (const { script } of workers) script.answerJob = () => wrong(`output ${++count}`);
  recorded.addAll(numberedInputs(60));
  await recorded.completed(20);
  assert.equal(recorded.disagreements.length, 1, "that is reported once");
  assert(recorded.disagreements[0] instanceof DisagreementError);
  assert.match(recorded.disagreements[0].message, /any of the first 3 verified jobs: .* --verify/);
  assert.match(
    recorded.ends[0] ?? "",
    /^other: (127[.\d:]+, ){2}127[.\d:]+ give different outputs$/,
  );
});

test("two workers that never agree fail three jobs, and the run decides about the others", async (simulation) => {
  const { recorded, workers } = await verifiedOn(simulation, [{ slots: 4 }, { slots: 4 }]);
  let count = 0;
  for (const { script } of workers) script.answerJob = () => wrong(`output ${++count}`);
  recorded.addAll(numberedInputs(20));
  await simulation.advance(60_000);
  assert.equal(recorded.disagreements.length, 1);
  assert.equal(recorded.completions.length, 3);
});

test("inputs are not read ahead of the slower of two workers", async (simulation) => {
  const { recorded, workers } = await verifiedOn(simulation, [{}, { slots: 1 }]);
  const [, slow] = workers;
  slow.hold();
  const inputs = numberedInputs(2_000);
  let added = 0;
  const feeding = (async () => {
    for (const input of inputs) {
      recorded.add([input]);
      added += 1;
      await recorded.cluster.room();
    }
    recorded.cluster.end();
  })();
  await simulation.advance(60_000);
  assert(added >= 64 && added < 1_000, `${added} inputs were read`);
  assert.equal(recorded.completions.length, 0);
  slow.release();
  await recorded.completed(inputs.length);
  await feeding;
  recorded.assertEchoed(inputs);
  await recorded.settled();
});

/** More than all that may be queued. */
const LARGE = new Uint8Array(65 * 1024 * 1024);

test("results that wait for a vote are counted in the bytes that may be queued", async (simulation) => {
  const { recorded, workers } = await verifiedOn(simulation, [{}, {}]);
  const [first, second] = workers;
  const { cluster } = recorded;
  for (const { script } of workers) script.answerJob = () => ({ exitCode: 0, output: LARGE });
  recorded.add(numberedInputs(1));
  second.hold();
  await simulation.until("it has voted", () => !cluster.hasRoom);
  await simulation.until("the other one has the job", () => second.received.jobs.length === 1);
  second.release();
  await recorded.completed(1);
  assert.equal(cluster.hasRoom, true);
  for (const worker of workers) worker.hold();
  recorded.add(numberedInputs(1));
  await simulation.advance(0);
  assert.equal(cluster.cancelUnstarted(), 0, "it runs");
  for (const worker of workers) worker.release();
  await recorded.settled();
  assert.equal(recorded.canceled, 1, "its second run, which has not begun");
  assert.equal(cluster.hasRoom, true);
  assertPolite(first, second);
});

test("results of jobs that fail on the second worker are not held", async (simulation) => {
  const { recorded, workers } = await verifiedOn(simulation, [{}, {}]);
  const [first, second] = workers;
  first.script.answerJob = () => ({ exitCode: 0, output: LARGE });
  second.script.answerJob = () => ({ kind: KINDS.memory, text: "too much" });
  second.hold();
  recorded.add(numberedInputs(2));
  await simulation.until("it has voted", () => !recorded.cluster.hasRoom);
  second.release();
  await recorded.completed(2);
  assert.equal(recorded.cluster.hasRoom, true);
});

test("a verified job that a worker never answers is copied, and no worker votes on it twice", async (simulation) => {
  const { recorded, workers } = await verifiedOn(simulation, [{}, {}, {}]);
  const [, , silent] = workers;
  silent.hold();
  const inputs = numberedInputs(20);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  for (const input of inputs) {
    const runs = workers.slice(0, 2).map((worker) => countsOf(worker).get(textOf({ input })));
    assert.deepEqual(runs, [1, 1]);
  }
  silent.release();
  await recorded.settled();
  assertPolite(...workers);
});

test("a worker that is lost between two votes, and comes back, does not confirm itself", async (simulation) => {
  const { recorded, workers } = await verifiedOn(simulation, [{ slots: 4 }, { slots: 4 }]);
  const [first, second] = workers;
  second.hold();
  const inputs = numberedInputs(40);
  recorded.add(inputs.slice(0, 20));
  await simulation.until("it has voted", () => first.received.jobs.length >= 12);
  assert.equal(recorded.completions.length, 0);
  first.cut();
  await simulation.until("it is back", () => first.connections === 2);
  await recorded.connected(2);
  second.release();
  recorded.addAll(inputs.slice(20));
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  await recorded.settled();
  const runs = countsOf(second);
  for (const input of inputs) assert.equal(runs.get(textOf({ input })), 1);
  assertPolite(first, second);
});

test("a new process at the address of a worker does not confirm what that worker has put out", async (simulation) => {
  const { recorded, workers } = await verifiedOn(simulation, [{ slots: 4 }, { slots: 4 }]);
  const [first, second] = workers;
  second.hold();
  const inputs = numberedInputs(20);
  recorded.add(inputs);
  await simulation.until("it has voted", () => first.received.jobs.length >= 12);
  const voted = first.received.jobs.length;
  first.restart();
  await recorded.connected(2);
  await simulation.until("it votes again", () => first.received.jobs.length > voted);
  await simulation.advance(10_000);
  assert.equal(recorded.completions.length, 0);
  second.release();
  recorded.addAll([]);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
});

test("a process that is reached at another address does not confirm what it has put out", async (simulation) => {
  const instance = "00112233445566778899aabbccddeeff";
  const slots = 4;
  const workers = await simulation.workers({ slots, instance }, { slots, instance }, { slots });
  const [first, again, second] = workers as Workers;
  const recorded = simulation.cluster(VERIFIED);
  second.hold();
  for (const worker of [first, second]) recorded.dial(worker);
  await recorded.connected(2);
  const inputs = numberedInputs(20);
  recorded.add(inputs);
  await simulation.until("it has voted", () => first.received.jobs.length >= 12);
  await first.close();
  await recorded.connected(1);
  recorded.dial(again);
  await recorded.connected(2);
  await simulation.until("it votes again", () => again.received.jobs.length > 0);
  await simulation.advance(10_000);
  assert.equal(recorded.completions.length, 0);
  second.release();
  recorded.addAll([]);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
});

test("an exit code counts when two workers agree on it, and the job is retried", async (simulation) => {
  const policy = { ...DEFAULT_POLICY, retries: 1 };
  const { recorded, workers } = await verifiedOn(simulation, [{}, {}], { policy });
  const attempts = new Map<string, number>();
  for (const { script } of workers) {
    script.answerJob = (job) => {
      const count = (attempts.get(textOf(job)) ?? 0) + 1;
      attempts.set(textOf(job), count);
      const isBad = textOf(job) === "input 0" || (textOf(job) === "input 1" && count <= 2);
      return isBad ? { exitCode: 3, output: new Uint8Array() } : "echo";
    };
  }
  recorded.addAll(numberedInputs(4));
  await recorded.completed(4);
  assert.deepEqual(recorded.ends, ["3: ", "0: input 1", "0: input 2", "0: input 3"]);
  assert.deepEqual(
    [...attempts].sort(),
    [["input 0", 4], ["input 1", 4], ["input 2", 2], ["input 3", 2]],
  );
  await recorded.settled();
  assertPolite(...workers);
});

test("a second run that crashes is retried, and not by the worker that has voted", async (simulation) => {
  const { recorded, workers } = await verifiedOn(simulation, [{}, {}]);
  const [first, second] = workers;
  let crashes = 0;
  second.script.answerJob = ({ attempt = 1 }) => {
    if (attempt !== 2) return "echo";
    crashes += 1;
    return { kind: KINDS.crash, text: "crashed" };
  };
  const inputs = numberedInputs(20);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert(crashes > 0);
  for (const runs of countsOf(first).values()) assert.equal(runs, 1);
  await recorded.settled();
  assertPolite(first, second);
});

const NEEDS_TWO = "is connected; --verify needs two workers";

test("a verified run ends with an error when one of its two workers is given up", async (simulation) => {
  const good = await simulation.worker();
  const bad = await simulation.worker({ versions: [] });
  for (const isBadFirst of [true, false]) {
    const recorded = simulation.cluster(VERIFIED);
    recorded.dial(isBadFirst ? bad : good);
    if (!isBadFirst) await recorded.connected(1);
    recorded.dial(isBadFirst ? good : bad);
    recorded.addAll(numberedInputs(3));
    assert.deepEqual(await recorded.noWorkerLeft(), [
      `127.0.0.1:${bad.port}: it does not speak protocol version 1`,
      `only 127.0.0.1:${good.port} ${NEEDS_TWO}`,
    ]);
    assert.equal(recorded.completions.length, 0);
  }
});

test("a verified run whose only worker has one or two addresses ends with an error", async (simulation) => {
  const instance = "00112233445566778899aabbccddeeff";
  const workers = await simulation.workers({ instance }, { instance });
  for (const count of [1, 2]) {
    const recorded = simulation.cluster(VERIFIED);
    for (const worker of workers.slice(0, count)) recorded.dial(worker);
    recorded.addAll(numberedInputs(3));
    const reasons = await recorded.noWorkerLeft();
    assert.equal(reasons.length, count);
    assert.match(reasons.at(-1) ?? "", new RegExp(`^only 127.0.0.1:\\d+ ${NEEDS_TWO}$`));
    if (count === 2) assert.match(reasons[0] ?? "", /it is the same worker as/);
  }
});

function taskOf(index: number): Task {
  return { index, input: new Uint8Array() };
}

function resultOf(task: Task, output: Uint8Array<ArrayBuffer>): Completion<Task> {
  return {
    job: newJob(1 as ClientId, "core" as CoreKey, 0, task, 0),
    answer: { kind: "result", result: { exitCode: 0, output } },
    worker: "worker",
    meter: new WorkerMeter(new WallTime(systemClock)),
    answeredAtMs: 0,
  };
}
