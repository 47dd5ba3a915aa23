/** Jobs that run on two workers, whose outputs have to be the same. */

import assert from "node:assert/strict";
import { DisagreementError, Verification } from "../../../controller/cluster/verification.ts";
import { DEFAULT_POLICY } from "../../../controller/cluster/retries.ts";
import { KINDS } from "../../fixtures/peers/frames.ts";
import {
  type JobAnswer,
  type Options2,
  ScriptedWorker2,
} from "../../fixtures/peers/scripted_worker_2.ts";
import { eventually } from "../../lib/processes.ts";
import { test } from "../../lib/test.ts";
import { assertPolite, countsOf, numberedInputs, RecordedCluster, textOf } from "./clusters.ts";

const LIMITS = { hopeMs: 20_000, versionMs: 2_000, verifiedPart: 1 };
const utf8 = new TextEncoder();

function lie(text = "a lie"): JobAnswer {
  return { exitCode: 0, output: utf8.encode(text) };
}

/** Several workers, closed together. */
class Workers implements AsyncDisposable {
  private constructor(readonly all: readonly ScriptedWorker2[]) {}

  static async start(...options: Options2[]): Promise<Workers> {
    return new Workers(await Promise.all(options.map((own) => ScriptedWorker2.start(own))));
  }

  get(index: number): ScriptedWorker2 {
    return this.all[index] as ScriptedWorker2;
  }

  /** How many jobs all of them have got. */
  get runs(): number {
    return this.all.reduce((sum, { received }) => sum + received.jobs.length, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const worker of this.all) await worker.close();
  }
}

/** A cluster that has all of them. */
async function clusterOf(workers: Workers, options = {}): Promise<RecordedCluster> {
  const recorded = await RecordedCluster.make({ ...LIMITS, ...options });
  for (const worker of workers.all) recorded.dial(worker);
  await recorded.connected(workers.all.length);
  return recorded;
}

for (const count of [2, 3]) {
  test(`with ${count} workers every job runs on two of them, once on each`, async () => {
    await using workers = await Workers.start(...Array(count).fill({ slots: 2 }));
    using recorded = await clusterOf(workers);
    const inputs = numberedInputs(60);
    recorded.addAll(inputs);
    await recorded.completed(inputs.length);
    recorded.assertEchoed(inputs);
    await recorded.settled();
    const counts = workers.all.map(countsOf);
    for (const input of inputs) {
      const own = counts.map((runs) => runs.get(textOf({ input })) ?? 0);
      assert.equal(own.reduce((sum, runs) => sum + runs), 2);
      assert(own.every((runs) => runs <= 1), "no worker confirms itself");
    }
    assert.deepEqual(recorded.warnings, []);
    assertPolite(...workers.all);
  });
}

test("a part of one twentieth is every twentieth job", () => {
  const noActions = { ask() {}, accept() {}, reject() {}, suspect() {}, giveUp() {} };
  const input = new Uint8Array();
  for (const [part, count] of [[0.05, 50], [0.5, 500], [1, 1_000], [0.001, 1]] as const) {
    const verification = new Verification(part, noActions);
    const chosen = Array.from({ length: 1_000 }, (_, index) => index)
      .filter((index) => verification.includes({ index, input }));
    assert.equal(chosen.length, count);
    const gaps = chosen.slice(1).map((index, at) => index - (chosen[at] ?? 0));
    assert(gaps.every((gap) => Math.abs(gap - 1 / part) <= 1), `${gaps}`);
  }
});

test("jobs that are not in the sample run once", async () => {
  await using workers = await Workers.start({}, {});
  using recorded = await clusterOf(workers, { verifiedPart: 0.05 });
  const inputs = numberedInputs(100);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.equal(workers.runs, 105);
  assertPolite(...workers.all);
});

test("a liar among three is warned of, then put aside, and nothing that it says counts", async () => {
  const delayMs = 5; // the others leave something for it
  await using workers = await Workers.start({ delayMs }, { delayMs }, {});
  const liar = workers.get(2);
  liar.script.answerJob = () => lie();
  using recorded = await clusterOf(workers);
  const inputs = numberedInputs(60);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  const name = `127.0.0.1:${liar.port}`;
  const [first, second, third, ...others] = recorded.warnings;
  const reason = "its output for job \\d+ differs from that of two other workers";
  assert.match(first ?? "", new RegExp(`^worker ${name}: ${reason}$`));
  assert.match(second ?? "", new RegExp(`^worker ${name}: ${reason}$`));
  assert.match(
    third ?? "",
    new RegExp(`^cannot use worker ${name}: it computes wrong: ${reason}, again; it gave \\d+`),
  );
  assert.deepEqual(others, []);
  assert.equal(liar.connections, 1, "it is not dialled again");
  assert.equal(liar.openConnections, 0);
  await recorded.settled();
  assertPolite(...workers.all);
});

test("a liar that was put aside gets no second chance, and a new process at its address does", async () => {
  const delayMs = 5;
  await using workers = await Workers.start({ delayMs }, { delayMs }, {});
  const liar = workers.get(2);
  liar.script.answerJob = () => lie();
  using recorded = await clusterOf(workers, { secondChanceMs: 20 });
  const inputs = numberedInputs(80);
  recorded.add(inputs.slice(0, 40));
  await eventually("it is put aside", () => recorded.warnings.length === 3);
  const { length } = liar.received.jobs;
  delete liar.script.answerJob;
  await eventually("it is asked who it is", () => liar.connections >= 4);
  assert.equal(liar.received.jobs.length, length);
  assert.equal(recorded.warnings.length, 3, "and nobody is told again");
  liar.restart();
  await recorded.connected(3);
  recorded.addAll(inputs.slice(40));
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert(liar.received.jobs.length > length, "it has got jobs again");
  await recorded.settled();
});

test("a guest that has lied twice is sent away whenever it comes", async () => {
  const delayMs = 5;
  await using workers = await Workers.start({ delayMs }, { delayMs });
  using recorded = await clusterOf(workers);
  const port = recorded.listen();
  await using liar = await ScriptedWorker2.dialing(port);
  liar.script.answerJob = () => lie();
  await recorded.connected(3);
  const inputs = numberedInputs(80);
  recorded.add(inputs.slice(0, 40));
  await eventually("it is put aside", () => liar.openConnections === 0);
  const { length } = liar.received.jobs;
  const warnings = recorded.warnings.length;
  for (let count = 0; count < 3; count++) {
    await liar.dial(port);
    await eventually("it is sent away", () => liar.openConnections === 0);
  }
  recorded.addAll(inputs.slice(40));
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert.equal(liar.received.jobs.length, length);
  assert.equal(recorded.warnings.length, warnings, "it is told once");
});

test("a liar that is gone when its second lie is found out is not used when it comes back", async () => {
  await using workers = await Workers.start({}, {});
  using recorded = await RecordedCluster.make(LIMITS);
  const port = recorded.listen();
  await using liar = await ScriptedWorker2.dialing(port, { slots: 2 });
  liar.script.answerJob = () => lie();
  const inputs = numberedInputs(20);
  recorded.addAll(inputs);
  await eventually("it has lied", () => liar.received.jobs.length >= 8);
  liar.cut();
  await recorded.connected(0);
  for (const worker of workers.all) recorded.dial(worker);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  const { length } = liar.received.jobs;
  await liar.dial(port);
  await eventually("it is sent away", () => liar.openConnections === 0);
  assert.equal(liar.received.jobs.length, length);
  assert(recorded.warnings.some((text) => /cannot use worker .* it computes wrong/.test(text)));
});

test("when two workers disagree and nobody else is there, the job fails, and both are named", async () => {
  await using workers = await Workers.start({}, {});
  workers.get(1).script.answerJob = (job) => textOf(job) === "input 7" ? lie() : "echo";
  using recorded = await clusterOf(workers);
  const inputs = numberedInputs(20);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  const [one, other] = workers.all.map(({ port }) => `127\\.0\\.0\\.1:${port}`);
  inputs.forEach((input, index) => {
    if (index !== 7) return assert.equal(recorded.ends[index], `0: ${textOf({ input })}`);
    const names = `(${one}, ${other}|${other}, ${one})`;
    assert.match(
      recorded.ends[7] ?? "",
      new RegExp(`^other: ${names} give different outputs, and no other worker decides$`),
    );
  });
  await recorded.settled();
  assert.deepEqual(recorded.hopeless, []);
  assertPolite(...workers.all);
});

test("a job on which two disagree is not decided again when a third worker comes too late", async () => {
  await using workers = await Workers.start({}, {});
  await using third = await ScriptedWorker2.start();
  workers.get(1).script.answerJob = (job) => textOf(job) === "input 0" ? lie() : "echo";
  using recorded = await clusterOf(workers);
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

test("a third worker that comes in time decides", async () => {
  await using workers = await Workers.start({}, {});
  await using third = await ScriptedWorker2.start();
  workers.get(1).script.answerJob = (job) => textOf(job) === "input 0" ? lie() : "echo";
  using recorded = await clusterOf(workers);
  recorded.listen(); // somebody may come
  const inputs = numberedInputs(10);
  recorded.addAll(inputs);
  await recorded.completed(9);
  recorded.dial(third);
  await recorded.completed(10);
  recorded.assertEchoed(inputs);
  assert.equal(recorded.warnings.length, 1);
  await recorded.settled();
});

test("with a core that gives another output each time it is said early that it makes no sense", async () => {
  let count = 0;
  await using workers = await Workers.start({}, {}, {});
  for (const { script } of workers.all) script.answerJob = () => lie(`output ${++count}`);
  using recorded = await clusterOf(workers);
  recorded.addAll(numberedInputs(60));
  await eventually("it is said", () => recorded.hopeless.length > 0);
  await recorded.completed(20);
  assert.equal(recorded.hopeless.length, 1, "and once");
  assert(recorded.hopeless[0] instanceof DisagreementError);
  assert.match(recorded.hopeless[0].message, /any of the first 3 jobs .* --verify/);
});

test("inputs are not read further ahead than the slower of two workers follows", async () => {
  await using workers = await Workers.start({}, { slots: 1 });
  const slow = workers.get(1);
  slow.hold();
  using recorded = await clusterOf(workers);
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
  let last = -1;
  await eventually("no more is read", () => {
    const isSame = last === added && slow.slots.busy === 1;
    last = added;
    return isSame && recorded.cluster.status.queued >= 64;
  });
  assert(added < 1_000, `${added} inputs were read`);
  assert.equal(recorded.completions.length, 0);
  slow.release();
  await feeding;
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  await recorded.settled();
});

test("a worker that is lost between two votes, and comes back, does not confirm itself", async () => {
  await using workers = await Workers.start({ slots: 4 });
  const [first] = workers.all;
  assert(first);
  await using second = await ScriptedWorker2.start({ slots: 4 });
  using recorded = await clusterOf(workers);
  recorded.dial(second);
  await recorded.connected(2);
  second.hold();
  const inputs = numberedInputs(40);
  recorded.add(inputs.slice(0, 20));
  await eventually("it has voted", () => first.received.jobs.length >= 12);
  assert.equal(recorded.completions.length, 0);
  first.cut();
  await eventually("it is back", () => first.connections === 2);
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

test("an exit code counts when two workers agree on it, and the job is tried again", async () => {
  await using workers = await Workers.start({}, {});
  const attempts = new Map<string, number>();
  for (const { script } of workers.all) {
    script.answerJob = (job) => {
      const count = (attempts.get(textOf(job)) ?? 0) + 1;
      attempts.set(textOf(job), count);
      const isBad = textOf(job) === "input 0" || (textOf(job) === "input 1" && count <= 2);
      return isBad ? { exitCode: 3, output: new Uint8Array() } : "echo";
    };
  }
  const policy = { ...DEFAULT_POLICY, retries: 1 };
  using recorded = await clusterOf(workers, { policy });
  recorded.addAll(numberedInputs(4));
  await recorded.completed(4);
  assert.deepEqual(recorded.ends, ["3: ", "0: input 1", "0: input 2", "0: input 3"]);
  assert.deepEqual(
    [...attempts].sort(),
    [["input 0", 4], ["input 1", 4], ["input 2", 2], ["input 3", 2]],
  );
  await recorded.settled();
  assertPolite(...workers.all);
});

test("a second run that crashes is tried again, and not by the worker that has voted", async () => {
  await using workers = await Workers.start({}, {});
  const [first, second] = workers.all as [ScriptedWorker2, ScriptedWorker2];
  let crashes = 0;
  second.script.answerJob = ({ attempt = 1 }) => {
    if (attempt !== 2) return "echo";
    crashes += 1;
    return { kind: KINDS.crash, text: "crashed" };
  };
  using recorded = await clusterOf(workers);
  const inputs = numberedInputs(20);
  recorded.addAll(inputs);
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assert(crashes > 0);
  for (const runs of countsOf(first).values()) assert.equal(runs, 1);
  await recorded.settled();
  assertPolite(first, second);
});

test("with one worker alone and no hope for another it is said that it takes two", async () => {
  await using good = await ScriptedWorker2.start();
  await using bad = await ScriptedWorker2.start({ versions: [] });
  for (const isBadFirst of [true, false]) {
    using recorded = await RecordedCluster.make({ ...LIMITS, hopeMs: 300 });
    recorded.dial(isBadFirst ? bad : good);
    if (!isBadFirst) await recorded.connected(1);
    recorded.dial(isBadFirst ? good : bad);
    recorded.addAll(numberedInputs(3));
    const reasons = await recorded.givenUp();
    assert.deepEqual(reasons, [
      `127.0.0.1:${bad.port}: it does not speak protocol version 1`,
      `127.0.0.1:${good.port}: alone, and to verify takes 2 different workers`,
    ]);
    assert.equal(recorded.completions.length, 0);
  }
});

test("with a worker that was alone from the beginning it is said that it takes two", async () => {
  await using workers = await Workers.start({});
  using recorded = await clusterOf(workers, { hopeMs: 300 });
  recorded.addAll(numberedInputs(3));
  const reasons = await recorded.givenUp();
  assert.deepEqual(reasons, [
    `127.0.0.1:${workers.get(0).port}: alone, and to verify takes 2 different workers`,
  ]);
});

test("with a single worker that has two addresses it is said that it takes two", async () => {
  const instance = "00112233445566778899aabbccddeeff";
  await using workers = await Workers.start({ instance }, { instance });
  using recorded = await RecordedCluster.make({ ...LIMITS, hopeMs: 300 });
  for (const worker of workers.all) recorded.dial(worker);
  recorded.addAll(numberedInputs(3));
  const reasons = await recorded.givenUp();
  assert.match(reasons[0] ?? "", /it is the same worker as/);
  assert.match(reasons[1] ?? "", /alone, and to verify takes 2 different workers/);
});
