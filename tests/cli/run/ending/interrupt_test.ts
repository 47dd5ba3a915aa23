/** `distcomp run` that is interrupted, and processes of it that are killed. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import process from "node:process";
import { access } from "node:fs/promises";
import { promisify } from "node:util";
import { core } from "../../../lib/cores.ts";
import { eventually, Program, startWorker } from "../../../lib/processes.ts";
import { programTest, slowTest, test, testUnless } from "../../../lib/test.ts";
import { CWorker } from "../../c_worker.ts";
import { Gate, PASSED } from "../../gate.ts";
import { type Ended, endOf, Workspace } from "../../workspace.ts";

const BEHAVE = await core("behave");

/** More than a worker has in flight. */
const JOBS = 40;

const FULL_DISK = "/dev/full";
const noFullDisk = await access(FULL_DISK).then(() => undefined, () => `there is no ${FULL_DISK}`);

test("after an interrupt running jobs finish, and no new ones begin", async () => {
  await using workspace = await Workspace.make();
  const gate = new Gate(workspace);
  await using program = await startWaiting(workspace, gate);
  await twoWait(workspace, gate);
  program.signal("SIGINT");
  await program.printed("stderr", /^finishing 2 running jobs; interrupt again to stop at once$/m);
  await gate.open();
  const ended = await endOf(program);
  assert.equal(ended.code, 130, ended.stderr);
  await assertReportedAsInterrupted(workspace);
  await assertFinished(workspace, ended);
});

test("a run that is interrupted while its last jobs run has nothing to resume", async () => {
  await using workspace = await Workspace.make();
  const gate = new Gate(workspace);
  await workspace.write("lines", `${gate.job}\n`.repeat(2));
  await using program = await workspace.start(["run", BEHAVE, "--lines", "lines", "--slots", "2"]);
  await gate.reachedBy(2);
  program.signal("SIGINT");
  await program.printed("stderr", /^finishing 2 running jobs; interrupt again to stop at once$/m);
  await gate.open();
  const { code, stdout, stderr } = await endOf(program);
  assert.equal(code, 130, stderr);
  assert.match(stdout, /^2 jobs done/);
  assert.doesNotMatch(stderr, /to resume/);
  const status = await workspace.run(["status", "outputs"]);
  assert.match(status.stdout, /was interrupted: 2 jobs done$/m);
});

programTest(
  "an interrupt after the last job, while cores are unloaded, changes nothing",
  async () => {
    await using workspace = await Workspace.make();
    const slow = await core("version_stamp", { UNLOAD_SECONDS: 2 });
    const args = ["run", slow, "--repeat", "3", "--slots", "1"];
    await using program = await workspace.start(args);
    await eventually("all is done", async () => {
      return Object.keys(await workspace.outputs().catch(() => ({}))).length === 3;
    });
    await eventually("that is known", async () => (await workspace.recordsSoFar()).length === 3);
    program.signal("SIGINT");
    const { code, stdout, stderr } = await endOf(program);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^3 jobs done/);
    assert.doesNotMatch(stderr, /to resume/);
  },
);

testUnless(noFullDisk, "a run goes on although nobody can be told anything", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("lines", "echo 1\ncode 3\necho 2\n");
  const args = ["run", BEHAVE, "--lines", "lines"];
  const first = await workspace.run(args);
  assert.equal(first.code, 1, first.stderr);
  // It says at once that it resumes.
  const deaf = ["sh", "-c", `exec "$@" 2>${FULL_DISK}`, "sh"];
  const { code, stdout } = await workspace.run([...args, "--retry-failed"], { through: deaf });
  assert.equal(code, 1);
  assert.match(stdout, /^2 of 3 jobs done \(2 from earlier runs\), 1 failed/);
  assert.deepEqual(await workspace.leftovers(), []);
});

test("an interrupted run that listens ends also when its last worker is lost", async () => {
  await using workspace = await Workspace.make();
  const args = ["--listen", "127.0.0.1:0"];
  await using program = await startSleeping(workspace, { jobs: 6, ms: 600_000, args });
  const [, address = ""] = await program.printed("stderr", /^waiting for workers on (.*)$/m);
  await using worker = await Program.start(["worker", "--connect", address, "--slots", "1"]);
  await worker.printed("stderr", /connected$/m);
  await begun(workspace);
  program.signal("SIGINT");
  await program.printed("stderr", /^finishing/m);
  await worker.kill();
  assert.equal((await endOf(program)).code, 130, program.stderr);
});

slowTest(
  "an interrupted run does not wait long for a job behind a core that never gets done with freeing an output",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.write("lines", "hang\nnext\nlast\n");
    const args = ["run", await core("frees_badly"), "--lines", "lines", "--slots", "1"];
    await using program = await workspace.start(args);
    await eventually(
      "the first is done",
      async () => (await workspace.recordsSoFar()).length === 1,
    );
    const sentAtMs = Date.now();
    program.signal("SIGTERM");
    const { code, stderr } = await endOf(program);
    assert.equal(code, 130, stderr);
    assert(Date.now() - sentAtMs < 30_000);
    assert.equal(Object.keys(await workspace.outputs()).length, 2);
  },
);

programTest("an interrupted run over the network lets running jobs finish too", async () => {
  await using workspace = await Workspace.make();
  const gate = new Gate(workspace);
  await using worker = await startWorker({ slots: 2 });
  const workers = ["--workers", `127.0.0.1:${worker.port}`];
  await using program = await startWaiting(workspace, gate, workers);
  await twoWait(workspace, gate);
  program.signal("SIGINT");
  await program.printed("stderr", /^finishing 2 running jobs;/m);
  await gate.open();
  const ended = await endOf(program);
  assert.equal(ended.code, 130, ended.stderr);
  await assertFinished(workspace, ended);
});

test("a second interrupt does not wait for running jobs, and leaves nothing behind", async () => {
  await using workspace = await Workspace.make();
  await using program = await startSleeping(workspace, { jobs: 4, ms: 600_000 });
  await begun(workspace);
  program.signal("SIGINT");
  await program.printed("stderr", /^finishing \d+ running jobs/m);
  program.signal("SIGINT");
  assert.equal((await program.exited).code, 130, program.stderr);
  await nothingLeft(program);
  assert.equal(Object.keys(await workspace.outputs()).length, 2);
  assert.deepEqual(await workspace.leftovers(), []);
});

programTest("a local worker that is killed is started again, and no job is lost", async () => {
  await using workspace = await Workspace.make();
  const gate = new Gate(workspace);
  await using program = await startWaiting(workspace, gate);
  await twoWait(workspace, gate);
  process.kill(await localWorkerOf(program) ?? assert.fail("it has no worker"), "SIGKILL");
  await gate.open();
  assert.equal((await program.exited).code, 0, program.stderr);
  assert.match(program.stderr, /^warning: the worker on this machine was killed by SIGKILL$/m);
  const outputs = Object.values(await workspace.outputs());
  assert.deepEqual(outputs, Array.from({ length: JOBS }, () => PASSED));
  assert.equal((await workspace.records()).length, JOBS);
  assert.deepEqual(await program.descendants(), []);
});

slowTest("a local worker that is killed again and again ends the run", async () => {
  await using workspace = await Workspace.make();
  await using program = await startSleeping(workspace, { jobs: 1000, ms: 100 });
  let hasEnded = false;
  void program.exited.then(() => hasEnded = true);
  const killed = new Set<number>();
  for (;;) {
    const pid = await eventually("the next worker, or the end of the run", async () => {
      const pid = await localWorkerOf(program);
      return hasEnded ? 0 : pid !== undefined && !killed.has(pid) && pid;
    });
    // What a worker starts looks like it for a moment, and may be gone.
    if (pid === 0) break;
    killed.add(pid);
    killIfThere(pid);
  }
  assert.equal((await program.exited).code, 3, program.stderr);
  assert.match(program.stderr, /this machine: its worker was killed by SIGKILL, 13 times/);
});

test("when the run itself is killed, its worker and slots end by themselves", async () => {
  await using workspace = await Workspace.make();
  await using program = await startSleeping(workspace, { jobs: 4, ms: 600_000 });
  await begun(workspace);
  await program.kill();
  await eventually("no process is left", async () => (await program.descendants()).length === 0);
  const files = (await program.files()).filter((name) => !name.startsWith(".distcomp-runs-"));
  assert.deepEqual(files, [], "nor a file, but for the socket, which the next run removes");
});

programTest("a worker outlives a run that is killed, and serves the next", async () => {
  await using workspace = await Workspace.make();
  await using worker = await startWorker({ slots: 1 });
  const workers = ["--workers", `127.0.0.1:${worker.port}`];
  await using first = await startSleeping(workspace, { jobs: 1000, ms: 20, args: workers });
  await begun(workspace);
  await first.kill();
  await using second = await startSleeping(workspace, { jobs: 5, ms: 1, args: workers });
  assert.equal((await endOf(second)).code, 0, second.stderr);
});

test("an interrupted run ends when its last worker is lost, and does not wait for another", async () => {
  await using workspace = await Workspace.make();
  await using worker = await CWorker.start("--slow-ms", 400);
  const workers = ["--workers", worker.address];
  await using program = await startSleeping(workspace, { jobs: 20, ms: 1, args: workers });
  await begun(workspace);
  program.signal("SIGINT");
  await program.printed("stderr", /^finishing/m);
  worker.child.kill("SIGKILL");
  const { code, stderr } = await endOf(program);
  assert.equal(code, 130, stderr);
  assert.match(stderr, /lost worker/);
});

interface Sleeping {
  /** Jobs that sleep, behind two that don't. */
  readonly jobs: number;
  readonly ms: number;
  readonly args?: readonly string[];
}

/** Starts a run of which something is always going on: see `begun`. */
async function startSleeping(workspace: Workspace, options: Sleeping): Promise<Program> {
  const { jobs, ms, args = ["--slots", "2"] } = options;
  await workspace.write("lines", "echo slept\n".repeat(2) + `sleep ${ms}\n`.repeat(jobs));
  return await workspace.start(["run", BEHAVE, "--lines", "lines", ...args]);
}

/** Waits until the two jobs are done that don't sleep: then others are running. */
async function begun(workspace: Workspace): Promise<void> {
  await eventually("the first two outputs", async () => {
    const outputs = await workspace.outputs().catch(() => ({}));
    return Object.keys(outputs).length >= 2;
  });
}

/** Starts a run of jobs that wait at a gate, but for the first two. */
async function startWaiting(
  workspace: Workspace,
  gate: Gate,
  args: readonly string[] = ["--slots", "2"],
): Promise<Program> {
  await workspace.write(
    "lines",
    `echo ${PASSED}\n`.repeat(2) + `${gate.job}\n`.repeat(JOBS - 2),
  );
  return await workspace.start(["run", BEHAVE, "--lines", "lines", ...args]);
}

/** Waits until the first two are done, which the run then knows, and two others wait. */
async function twoWait(workspace: Workspace, gate: Gate): Promise<void> {
  await begun(workspace);
  await gate.reachedBy(2);
}

/** The first two jobs and the two that waited are done, with outputs and records; no other was begun. */
/** Those who look later are told that it was interrupted, and what is left. */
async function assertReportedAsInterrupted(workspace: Workspace): Promise<void> {
  const [status, report] = await Promise.all([
    workspace.run(["status", "outputs"]),
    workspace.run(["report", "outputs"]),
  ]);
  const [, done, left] = /was interrupted: (\d+) jobs done, (\d+) left\nrepeat its command/
    .exec(status.stdout) ?? [];
  assert.equal(Number(done) + Number(left), JOBS, status.stdout);
  assert.match(report.stdout, new RegExp(`^the run was interrupted, with ${left} jobs left$`, "m"));
}

async function assertFinished(workspace: Workspace, { stdout }: Ended): Promise<void> {
  const outputs = await workspace.outputs();
  assert.deepEqual(Object.values(outputs), Array.from({ length: 4 }, () => PASSED));
  assert.match(stdout, new RegExp(`^4 of ${JOBS} jobs done, in `));
  const records = await workspace.records();
  assert.deepEqual(records.map(({ input }) => input).sort(), Object.keys(outputs).sort());
  assert(records.every(({ state }) => state === "done"));
  assert.deepEqual(await workspace.leftovers(), []);
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as { code?: string }).code !== "ESRCH") throw error;
  }
}

/** The process of a run's own worker. */
async function localWorkerOf(program: Program): Promise<number | undefined> {
  for (const pid of await program.descendants()) {
    const ps = promisify(execFile)("ps", ["-o", "args=", "-p", String(pid)]);
    const { stdout } = await ps.catch(() => ({ stdout: "" })); // it has just ended
    if (stdout.includes(" local-worker ")) return pid;
  }
  return undefined;
}

/** What a run leaves to its worker is gone soon. */
async function nothingLeft(program: Program): Promise<void> {
  await eventually("no process is left", async () => (await program.descendants()).length === 0);
  assert.deepEqual(await program.files(), []);
}
