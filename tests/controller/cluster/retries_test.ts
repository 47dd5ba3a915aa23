/** Jobs that fail: which run again, and how often. */

import assert from "node:assert/strict";
import { KINDS } from "../../fixtures/peers/frames.ts";
import type { ScriptedWorker2 } from "../../fixtures/peers/scripted_worker_2.ts";
import { assertPolite, numberedInputs, test, textOf } from "../simulation.ts";

const CRASH = { kind: KINDS.crash, text: "crashed: SIGSEGV" };

test("a job that always crashes fails after three attempts on two workers, and no other job does", async (simulation) => {
  const one = await simulation.worker({ delayMs: 1 });
  const other = await simulation.worker({ delayMs: 1 });
  const tried: [ScriptedWorker2, number | undefined][] = [];
  for (const worker of [one, other]) {
    worker.script.answerJob = (job) => {
      if (textOf(job) !== "input 5") return "echo";
      tried.push([worker, job.attempt]);
      return CRASH;
    };
  }
  const recorded = simulation.cluster();
  const inputs = numberedInputs(30);
  recorded.dial(one);
  recorded.dial(other);
  await recorded.connected(2);
  recorded.add(inputs.slice(0, 5));
  await simulation.until("both have the core", () => recorded.cluster.status.slots === 2);
  recorded.addAll(inputs.slice(5));
  await recorded.completed(inputs.length);
  const { ends } = recorded;
  assert.deepEqual(
    ends,
    inputs.map((input, index) =>
      index === 5 ? `crash: crashed in 3 attempts: SIGSEGV` : `0: ${textOf({ input })}`
    ),
  );
  assert.deepEqual(tried.map(([, attempt]) => attempt), [undefined, 2, 3]);
  assert.notEqual(tried[0]?.[0], tried[1]?.[0], "the second attempt is somewhere else");
  assert.notEqual(tried[1]?.[0], tried[2]?.[0], "and so is the third");
  const { faults } = recorded.cluster.status;
  assert.deepEqual(faults, { exitCodes: 0, crashes: 3, timeouts: 0, memory: 0, lost: 0 });
  assertPolite(one, other);
});

test("the only worker gets the retries as well", async (simulation) => {
  const worker = await simulation.worker({ slots: 2 });
  worker.script.answerJob = ({ attempt = 1 }) => attempt < 3 ? CRASH : "echo";
  const recorded = simulation.cluster();
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

test("exit codes and timeouts fail a job once it was retried, and attempts are numbered", async (simulation) => {
  const worker = await simulation.worker({ delayMs: 10 });
  worker.script.answerJob = (job) => {
    if (textOf(job) === "input 0") return { exitCode: 7, output: new TextEncoder().encode("no") };
    if (textOf(job) === "input 1") return { kind: KINDS.timeout, text: "too late" };
    if (textOf(job) === "input 2") return { kind: KINDS.memory, text: "too much" };
    return job.attempt === 2 ? "echo" : { exitCode: 1, output: new Uint8Array() };
  };
  const policy = { timeMs: 10, memoryBytes: 1, retries: 2, crashLimit: 3 };
  const recorded = simulation.cluster({ policy });
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

test("a job that was running on ten workers when they were lost fails, and those behind it do not", async (simulation) => {
  const recorded = simulation.cluster();
  const port = recorded.listen();
  const inputs = numberedInputs(30);
  const worker = await simulation.dialingWorker(port);
  let cuts = 0;
  worker.script.answerJob = (job) => {
    if (textOf(job) !== "input 5") return "echo";
    cuts += 1;
    worker.cut();
    return "silence";
  };
  recorded.addAll(inputs);
  for (let count = 1; count <= 10; count++) {
    await simulation.until("it is cut off", () => cuts === count && worker.openConnections === 0);
    await worker.dial(port);
  }
  await recorded.completed(inputs.length);
  assert.deepEqual(
    recorded.ends.map((end) => end.replace(/; the last one: .*/, "")),
    inputs.map((input, index) =>
      index === 5 ? "crash: 10 workers were lost while running it" : `0: ${textOf({ input })}`
    ),
  );
  assert.equal(cuts, 10);
  assert.equal(recorded.cluster.status.faults.lost, 20, "one job waited behind it each time");
  assertPolite(worker);
  await recorded.settled();
});

test("no job fails because of workers that are lost again and again without an answer", async (simulation) => {
  const recorded = simulation.cluster();
  const port = recorded.listen();
  const inputs = numberedInputs(12);
  const worker = await simulation.dialingWorker(port, { slots: 1 });
  worker.hold();
  recorded.addAll(inputs);
  for (let count = 1; count <= 12; count++) {
    await simulation.until("it has jobs", () => worker.slots.waiting === 1);
    worker.cut();
    await simulation.until("it is cut off", () => worker.openConnections === 0);
    await worker.dial(port);
  }
  worker.release();
  await recorded.completed(inputs.length);
  recorded.assertEchoed(inputs);
  assertPolite(worker);
});
