/** What becomes of jobs that fail. */

import assert from "node:assert/strict";
import { DEFAULT_POLICY, Retries } from "../../../controller/cluster/retries.ts";
import type { Answer } from "../../../controller/answer.ts";
import type { FailureKindName } from "../../../protocol/mod.ts";
import { KINDS } from "../../fixtures/peers/frames.ts";
import { ScriptedWorker2 } from "../../fixtures/peers/scripted_worker_2.ts";
import { eventually } from "../../lib/processes.ts";
import { test } from "../../lib/test.ts";
import { assertPolite, numberedInputs, RecordedCluster, textOf } from "./clusters.ts";

const LIMITS = { hopeMs: 20_000, versionMs: 2_000 };
const CRASH = { kind: KINDS.crash, text: "crashed: SIGSEGV" };

const good = resultOf(0);

function resultOf(exitCode: number): Answer {
  return { kind: "result", result: { exitCode, output: new Uint8Array() } };
}

function errorOf(cause: FailureKindName): Answer {
  return { kind: "error", cause, message: "so" };
}

/** How many of these answers in a row a job gets before it ends. */
function attemptsOf(answer: Answer, policy: Partial<typeof DEFAULT_POLICY> = {}): number {
  const retries = new Retries<string>({ ...DEFAULT_POLICY, ...policy });
  for (let count = 1; count < 100; count++) if (retries.judge("job", answer)) return count;
  throw new Error("it never ends");
}

test("a job may crash as many slots as the limit says, three by default", () => {
  assert.equal(attemptsOf(errorOf("crash")), 3);
  assert.equal(attemptsOf(errorOf("crash"), { crashLimit: 1 }), 1);
  assert.equal(attemptsOf(errorOf("crash"), { crashLimit: 5, retries: 9 }), 5);
});

test("a slot that was killed counts for the three times that its worker has seen it", () => {
  assert.equal(attemptsOf(errorOf("killed")), 1);
  assert.equal(attemptsOf(errorOf("killed"), { crashLimit: 4 }), 2);
});

test("timeouts and exit codes are retried as often as one says, not at all by default", () => {
  for (const answer of [errorOf("timeout"), resultOf(7)]) {
    assert.equal(attemptsOf(answer), 1);
    assert.equal(attemptsOf(answer, { retries: 2 }), 3);
  }
});

test("a job that needs too much memory, or is not understood, is not tried again", () => {
  for (const cause of ["memory", "other", "protocol", "cancelled"] as const) {
    assert.equal(attemptsOf(errorOf(cause), { retries: 9, crashLimit: 9 }), 1, cause);
  }
});

test("every job and every kind of failure counts for itself", () => {
  const retries = new Retries<string>({ ...DEFAULT_POLICY, retries: 1 });
  assert.equal(retries.judge("a", errorOf("crash")), undefined);
  assert.equal(retries.judge("b", errorOf("crash")), undefined);
  assert.equal(retries.judge("a", errorOf("timeout")), undefined);
  assert.equal(retries.judge("a", errorOf("crash")), undefined);
  assert.equal(retries.judge("b", resultOf(1)), undefined);
  assert.equal(retries.judge("b", good), good);
  assert.equal(retries.judge("b", errorOf("crash")), undefined, "it has begun anew");
  const end = retries.judge("a", errorOf("crash"));
  assert.deepEqual(end, { kind: "error", cause: "crash", message: "so, in 3 slots" });
  retries.judge("c", errorOf("memory"));
  assert.deepEqual(retries.faults, { exitCodes: 1, crashes: 5, timeouts: 1, memory: 1, lost: 0 });
});

test("a job that has crashed one slot and fails otherwise then is not told of slots", () => {
  const retries = new Retries<string>(DEFAULT_POLICY);
  retries.judge("a", errorOf("crash"));
  assert.deepEqual(retries.judge("a", errorOf("memory")), errorOf("memory"));
});

test("a job that crashes every slot ends after three, tried on both workers, and others go on", async () => {
  await using one = await ScriptedWorker2.start({ delayMs: 1 });
  await using other = await ScriptedWorker2.start({ delayMs: 1 });
  const tried: [ScriptedWorker2, number | undefined][] = [];
  for (const worker of [one, other]) {
    worker.script.answerJob = (job) => {
      if (textOf(job) !== "input 5") return "echo";
      tried.push([worker, job.attempt]);
      return CRASH;
    };
  }
  using recorded = await RecordedCluster.make(LIMITS);
  const inputs = numberedInputs(30);
  recorded.dial(one);
  recorded.dial(other);
  await recorded.connected(2);
  recorded.add(inputs.slice(0, 5));
  await eventually("both have the core", () => recorded.cluster.status.slots === 2);
  recorded.addAll(inputs.slice(5));
  await recorded.completed(inputs.length);
  const { ends } = recorded;
  assert.deepEqual(
    ends,
    inputs.map((input, index) =>
      index === 5 ? "crash: crashed: SIGSEGV, in 3 slots" : `0: ${textOf({ input })}`
    ),
  );
  assert.deepEqual(tried.map(([, attempt]) => attempt), [undefined, 2, 3]);
  assert.notEqual(tried[0]?.[0], tried[1]?.[0], "the second attempt is somewhere else");
  assert.notEqual(tried[1]?.[0], tried[2]?.[0], "and so is the third");
  const { faults } = recorded.cluster.status;
  assert.deepEqual(faults, { exitCodes: 0, crashes: 3, timeouts: 0, memory: 0, lost: 0 });
  assertPolite(one, other);
});

test("a worker that is alone gets the further attempts, too", async () => {
  await using worker = await ScriptedWorker2.start({ slots: 2 });
  worker.script.answerJob = ({ attempt = 1 }) => attempt < 3 ? CRASH : "echo";
  using recorded = await RecordedCluster.make(LIMITS);
  const inputs = numberedInputs(10);
  recorded.dial(worker);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert(recorded.completions.every(({ job }) => job.attempt === 3));
  assert.equal(recorded.cluster.status.faults.crashes, 20);
  assertPolite(worker);
  await recorded.settled();
});

test("exit codes and timeouts end a job when they have been retried, and each has its number", async () => {
  await using worker = await ScriptedWorker2.start();
  worker.script.answerJob = (job) => {
    if (textOf(job) === "input 0") return { exitCode: 7, output: new TextEncoder().encode("no") };
    if (textOf(job) === "input 1") return { kind: KINDS.timeout, text: "too late" };
    if (textOf(job) === "input 2") return { kind: KINDS.memory, text: "too much" };
    return job.attempt === 2 ? "echo" : { exitCode: 1, output: new Uint8Array() };
  };
  const policy = { ...DEFAULT_POLICY, retries: 2 };
  using recorded = await RecordedCluster.make({ ...LIMITS, policy });
  recorded.dial(worker);
  recorded.addAll(numberedInputs(5));
  await recorded.completed(5);
  assert.deepEqual(recorded.ends, [
    "7: no",
    "timeout: too late",
    "memory: too much",
    "0: input 3",
    "0: input 4",
  ]);
  const attempts = recorded.completions
    .toSorted((one, next) => one.job.payload.index - next.job.payload.index)
    .map(({ job }) => job.attempt);
  assert.deepEqual(attempts, [3, 3, 1, 2, 2]);
  const { faults } = recorded.cluster.status;
  assert.deepEqual(faults, { exitCodes: 5, crashes: 0, timeouts: 3, memory: 1, lost: 0 });
  assertPolite(worker);
});

test("a job that takes ten workers with it ends, and those that waited behind it go on", async () => {
  using recorded = await RecordedCluster.make(LIMITS);
  const port = recorded.listen();
  const inputs = numberedInputs(30);
  await using guest = await ScriptedWorker2.dialing(port);
  let cuts = 0;
  guest.script.answerJob = (job) => {
    if (textOf(job) !== "input 5") return "echo";
    cuts += 1;
    guest.cut();
    return "silence";
  };
  recorded.addAll(inputs);
  for (let count = 1; count <= 10; count++) {
    await eventually("it is cut off", () => cuts === count && guest.openConnections === 0);
    await guest.dial(port);
  }
  await recorded.completed(inputs.length);
  assert.deepEqual(
    recorded.ends.map((end) => end.replace(/, the last: .*/, "")),
    inputs.map((input, index) =>
      index === 5 ? "crash: 10 workers were lost while they had it" : `0: ${textOf({ input })}`
    ),
  );
  assert.equal(cuts, 10);
  assert.equal(recorded.cluster.status.faults.lost, 20, "one job waited behind it each time");
  assertPolite(guest);
  await recorded.settled();
});

test("no job is blamed for workers that are lost again and again and never answered any", async () => {
  using recorded = await RecordedCluster.make(LIMITS);
  const port = recorded.listen();
  const inputs = numberedInputs(12);
  await using guest = await ScriptedWorker2.dialing(port, { slots: 1 });
  guest.hold();
  recorded.addAll(inputs);
  for (let count = 1; count <= 12; count++) {
    await eventually("it is at work", () => guest.slots.waiting === 1);
    guest.cut();
    await eventually("it is cut off", () => guest.openConnections === 0);
    await guest.dial(port);
  }
  guest.release();
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assertPolite(guest);
});
