/** Cores that die in the middle of a job: the job fails, everything else goes on. */

import assert from "node:assert/strict";
import process from "node:process";
import {
  type ControllerV1,
  errorText,
  type WorkerResponse,
} from "../fixtures/peers/controller_v1.ts";
import { eventually, type Program, startWorker } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import {
  allIsTaken,
  connectWith,
  failureOf,
  loadAllSlots,
  outputText,
  run,
  send,
} from "./controllers.ts";
import { Trace } from "./trace.ts";

const deaths: [string, RegExp][] = [
  ["crash", /SIGSEGV/],
  ["abort", /SIGABRT/],
  ["assert", /SIGABRT/],
  ["fpe", /SIGFPE/],
  ["exit 3", /exited with status 3/],
  ["exit 0", /exited with status 0/],
];

for (const [input, reason] of deaths) {
  test(`"${input}" in a core fails its job alone, with the reason`, async () => {
    await using worker = await startWorker({ slots: 2 });
    await using controller = await connectWith(worker, "behave");
    const before = manyEchoes(controller, 20);
    const culprit = send(controller, input);
    const behind = manyEchoes(controller, 20);
    assert.match(errorText(await culprit), reason);
    await assertEchoed([...before, ...behind]);
    assert.equal(await run(controller, "echo later"), "later");
  });
}

test("what a process prints before it dies is given as the reason", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connectWith(worker, "behave");
  const answer = await send(controller, "assert");
  assert.match(errorText(answer), /SIGABRT.*Assertion `all is well' failed/);
});

test("in a deep window of jobs only those fail that crash", async () => {
  await using worker = await startWorker({ slots: 2 });
  await using controller = await connectWith(worker, "behave");
  await assertEchoed(manyEchoes(controller, 2000)); // shows the pace, so that the windows are deep
  const isCulprit = (job: number) => job % 1000 === 500;
  const answers = Array.from({ length: 4000 }, (_, job) => {
    return send(controller, isCulprit(job) ? "crash" : "echo unharmed");
  });
  for (const [job, answer] of answers.entries()) {
    if (isCulprit(job)) assert.match(errorText(await answer), /SIGSEGV/);
    else assert.equal(outputText(await answer), "unharmed");
  }
});

test("a job that crashes alone is not tried again", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connectWith(worker, "behave");
  await using trace = new Trace();
  // The core would survive a second try.
  assert.match(await failureOf(controller, `die-once ${trace.path}`), /SIGSEGV/);
  assert.equal(await run(controller, `die-once ${trace.path}`), "survived");
});

test("every slot is replaced after a crash", async () => {
  await using worker = await startWorker({ slots: 2 });
  await using controller = await connectWith(worker, "behave");
  await loadAllSlots(controller, 2);
  const before = await worker.descendants();
  await eventually("no process is left of those before", async () => {
    assert.match(await failureOf(controller, "crash"), /SIGSEGV/);
    return (await worker.descendants()).every((pid) => !before.includes(pid));
  });
  await loadAllSlots(controller, 2);
});

test("one controller's crashes fail no other's jobs", async () => {
  await using worker = await startWorker({ slots: 2 });
  await using crashes = await connectWith(worker, "behave");
  await using works = await connectWith(worker, "behave");
  const jobs = manyEchoes(works, 1000);
  for (let crash = 0; crash < 3; crash++) {
    assert.match(await failureOf(crashes, "crash"), /SIGSEGV/);
    jobs.push(...manyEchoes(works, 200));
  }
  await assertEchoed(jobs);
});

test("an idle slot that is killed is replaced", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connectWith(worker, "behave");
  const pid = Number(await run(controller, "pid"));
  process.kill(pid, "SIGKILL");
  await worker.printed("stderr", new RegExp(`pid ${pid}.*SIGKILL`));
  assert.notEqual(Number(await run(controller, "pid")), pid);
});

test("a job whose slot is killed runs again in another", async () => {
  await using worker = await startWorker({ slots: 1 });
  await using controller = await connectWith(worker, "behave");
  const job = run(controller, "sleep 500");
  await allIsTaken(controller);
  const slot = await eventually("there is a slot", async () => (await slotsOf(worker))[0]);
  process.kill(slot, "SIGKILL");
  assert.equal(await job, "slept");
});

function manyEchoes(controller: ControllerV1, count: number): Promise<WorkerResponse>[] {
  return Array.from({ length: count }, () => send(controller, "echo unharmed"));
}

async function assertEchoed(answers: Promise<WorkerResponse>[]): Promise<void> {
  for (const answer of answers) assert.equal(outputText(await answer), "unharmed");
}

async function slotsOf(worker: Program): Promise<number[]> {
  return (await worker.descendants()).filter((pid) => pid !== worker.pid);
}
