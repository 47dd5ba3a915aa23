/** Cores that crash during a job: the job fails, everything else goes on. */

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import {
  type ControllerV1,
  errorText,
  type WorkerResponse,
} from "../fixtures/peers/controller_v1.ts";
import { eventually } from "../lib/processes.ts";
import { programTest, test } from "../lib/test.ts";
import { allIsTaken, connectWith, failureOf, outputText, run, send } from "./controllers.ts";
import { showPaceIn } from "./controllers_2.ts";
import { startFakeWorker, startOwnWorker } from "./own_worker.ts";

const deaths: [string, RegExp][] = [
  ["crash", /^crashed: SIGSEGV$/],
  ["abort", /^crashed: SIGABRT$/],
  ["fpe", /^crashed: SIGFPE$/],
  ["exit 3", /^exited with status 3$/],
  ["exit 0", /^exited with status 0$/],
];

test("however a core crashes, only its job fails, with the reason", async () => {
  await using worker = await startOwnWorker({ slots: 2 });
  await using controller = await connectWith(worker, "behave");
  for (const [input, reason] of deaths) {
    const before = manyEchoes(controller, 20);
    const culprit = send(controller, input);
    const behind = manyEchoes(controller, 20);
    assert.match(errorText(await culprit), reason);
    await assertEchoed([...before, ...behind]);
  }
});

test("a crash costs no answer of a job that has ended: none runs a second time", async () => {
  await using worker = await startOwnWorker();
  await using controller = await connectWith(worker, "behave");
  const folder = await mkdtemp(join(tmpdir(), "dc-counts-"));
  try {
    await assertEchoed(manyEchoes(controller, 2_000)); // shows the pace, so that answers are gathered
    const file = join(folder, "counts");
    const counts = Array.from({ length: 500 }, () => run(controller, `count ${file}`));
    assert.match(errorText(await send(controller, "crash")), /SIGSEGV/);
    assert.deepEqual(new Set(await Promise.all(counts)), new Set(["counted"]));
    assert.equal((await readFile(file, "utf8")).split("\n").length - 1, 500);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("answers of short jobs do not wait for a long one behind them in their slot", async () => {
  await using worker = await startOwnWorker();
  await using controller = await connectWith(worker, "behave");
  await assertEchoed(manyEchoes(controller, 2_000)); // shows the pace, so that answers are gathered
  const folder = await mkdtemp(join(tmpdir(), "dc-gate-"));
  try {
    const gate = join(folder, "gate");
    const short = manyEchoes(controller, 500);
    const long = run(controller, `gate ${gate}`);
    await assertEchoed(short);
    await writeFile(gate, "");
    await long;
    await assertEchoed(manyEchoes(controller, 100));
  } finally {
    await rm(folder, { recursive: true });
  }
});

programTest("in a deep window of jobs only those fail that crash", async () => {
  await using worker = await startOwnWorker();
  await using controller = await connectWith(worker, "behave");
  await assertEchoed(manyEchoes(controller, 2000)); // shows the pace, so that the windows are deep
  const isCulprit = (job: number) => job === 500 || job === 1500;
  const answers = Array.from({ length: 2000 }, (_, job) => {
    return send(controller, isCulprit(job) ? "crash" : "echo unharmed");
  });
  for (const [job, answer] of answers.entries()) {
    if (isCulprit(job)) assert.match(errorText(await answer), /SIGSEGV/);
    else assert.equal(outputText(await answer), "unharmed");
  }
});

test("a job that crashes alone is not run again", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connectWith(worker, "behave");
  assert.match(await failureOf(controller, "crash"), /SIGSEGV/);
  assert.equal(await run(controller, "echo next"), "next");
  const inputs = worker.fakes.started.flatMap((slot) => slot.inputs);
  assert.deepEqual(inputs, ["crash", "echo next"]);
});

test("a crash with other jobs in the slot costs two processes, and the other jobs succeed", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connectWith(worker, "behave");
  await showPaceIn(worker.clock, controller);
  const { started } = worker.processes;
  const first = run(controller, "sleep 1");
  const before = manyEchoes(controller, 5);
  const culprit = send(controller, "crash");
  const behind = manyEchoes(controller, 30);
  await allIsTaken(controller);
  await worker.clock.advance(1);
  assert.match(errorText(await culprit), /SIGSEGV/);
  assert.equal(await first, "slept");
  await assertEchoed([...before, ...behind]);
  // It runs again alone, which shows that it is to blame.
  const runs = worker.fakes.started.flatMap(({ inputs }) => inputs)
    .filter((input) => input === "crash");
  assert.equal(runs.length, 2);
  assert.equal(worker.processes.started, started + 2);
});

test("every slot is replaced after a crash", async () => {
  await using worker = await startFakeWorker({ slots: 2 });
  await using controller = await connectWith(worker, "behave");
  const crashes = [send(controller, "crash"), send(controller, "crash")];
  for (const crash of crashes) assert.match(errorText(await crash), /SIGSEGV/);
  void send(controller, "spin");
  assert.equal(await run(controller, "echo beside it"), "beside it");
  assert.equal(worker.processes.running, 2);
});

test("crashes of one controller's jobs fail no jobs of another controller", async () => {
  await using worker = await startFakeWorker({ slots: 2 });
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
  await using worker = await startOwnWorker();
  await using controller = await connectWith(worker, "behave");
  const pid = Number(await run(controller, "pid"));
  process.kill(pid, "SIGKILL");
  await worker.logs(new RegExp(`pid ${pid}.*SIGKILL`));
  assert.notEqual(Number(await run(controller, "pid")), pid);
});

test("a job whose slot is killed from outside runs again, and fails after three times", async () => {
  await using worker = await startFakeWorker();
  await using controller = await connectWith(worker, "behave");
  let attempts = 0;
  /** The slot that runs the next attempt. A new one loads its core once its files are checked, on the real disk. */
  const nextSlot = async () => {
    attempts += 1;
    return await eventually(
      "a slot has the job",
      () => worker.fakes.jobsStarted === attempts && worker.fakes.running[0],
    );
  };
  for (const kills of [1, 2, 3]) {
    const job = send(controller, "sleep 100");
    for (let kill = 0; kill < kills; kill++) (await nextSlot()).crash("SIGKILL");
    if (kills < 3) await nextSlot();
    await worker.clock.advance(100);
    if (kills < 3) assert.equal(outputText(await job), "slept");
    else assert.match(errorText(await job), /^was killed by SIGKILL/);
  }
});

function manyEchoes(controller: ControllerV1, count: number): Promise<WorkerResponse>[] {
  return Array.from({ length: count }, () => send(controller, "echo unharmed"));
}

async function assertEchoed(answers: Promise<WorkerResponse>[]): Promise<void> {
  for (const answer of answers) assert.equal(outputText(await answer), "unharmed");
}
