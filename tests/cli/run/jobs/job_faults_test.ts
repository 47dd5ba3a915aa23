/** Failing jobs: each kind of fault fails the job or is retried, as the options say. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import process from "node:process";
import { core } from "../../../lib/cores.ts";
import { eventually, startWorker } from "../../../lib/processes.ts";
import { programTest, slow, slowTest, test, testUnless } from "../../../lib/test.ts";
import { isThere, noUnkillable, Tracers } from "../../../lib/unkillable.ts";
import { CWorker } from "../../c_worker.ts";
import { Gate } from "../../gate.ts";
import { SharedWorker } from "../../shared_worker.ts";
import { type Ended, endOf, type JobRecord, Workspace } from "../../workspace.ts";

const BEHAVE = await core("behave");
const WORKER = await SharedWorker.start(BEHAVE);

test("a job over --timeout fails with that reason, and the other jobs are not affected", async () => {
  await using workspace = await Workspace.make(WORKER);
  const run = await runLines(workspace, ["echo a", "sleep 600000", "echo b"], [
    "--timeout",
    "500ms",
  ]);
  assert.equal(run.code, 1, run.stderr);
  assert.deepEqual(await workspace.outputsByNumber(), { 0: "a", 2: "b" });
  assert.equal((await failure(workspace, 1)).error, "timed out after 0.5s");
  assert.match(run.stdout, /^failed attempts: 1 timeout$/m);
});

testUnless(
  noUnkillable ?? slow,
  "a job over --timeout whose process the system does not let end fails too, and the run ends",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.write("lines", "hang\nnext\n");
    const args = ["--lines", "lines", "--slots", "1", "--timeout", "1s"];
    await using program = await workspace.start(["run", await core("unkillable"), ...args]);
    using tracers = new Tracers(() => program.stderr);
    const tracer = await tracers.next();
    const run = await endOf(program);
    assert(isThere(tracer), "nobody has waited until the process was gone");
    assert.equal(run.code, 1, run.stderr);
    assert.deepEqual(await workspace.outputsByNumber(), { 1: "next" });
    const { error, cause } = await failure(workspace, 0);
    assert.equal(cause, "timeout");
    assert.match(error ?? "", /^timed out after 1s; ./);
  },
);

test("the time limit of a job does not include waiting for a slot", async () => {
  await using workspace = await Workspace.make();
  const lines = Array.from({ length: 8 }, () => "sleep 400");
  const run = await runLines(workspace, lines, ["--timeout", "2s", "--slots", "1"]);
  assert.equal(run.code, 0, run.stdout);
});

test("short jobs queued behind a job that hangs do not fail", async () => {
  await using workspace = await Workspace.makeInMemory();
  const lines = Array.from(
    { length: 1000 },
    (_, index) => index === 500 ? "sleep 600000" : `echo ${index}`,
  );
  const run = await runLines(workspace, lines, ["--timeout", "1s", "--slots", "1"]);
  assert.equal(run.code, 1, run.stderr);
  assert.match(run.stdout, /^999 of 1,000 jobs done, 1 failed/);
  assert.match(run.stdout, /^ {2}000500 {2}timed out after 1s$/m);
});

test("--retries runs a job again after a non-zero exit code, and after a timeout", async () => {
  await using workspace = await Workspace.make(WORKER);
  const codes = `fail-once ${workspace.at("failed")}`;
  const times = `slow-once ${workspace.at("slow")}`;
  // A copy of the slow job would be done before that times out. It is the first one: a slot that is killed could still
  // have the answer of a short job before it.
  const args = ["--retries", "1", "--timeout", "1s", "--no-speculate"];
  const run = await runLines(workspace, [times, codes], args);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  assert.deepEqual(await workspace.outputsByNumber(), { 0: "quick", 1: "succeeded" });
  assert.deepEqual((await workspace.records()).map(({ attempt }) => attempt), [2, 2]);
  assert.match(run.stdout, /^failed attempts: 1 timeout, 1 non-zero exit code$/m);
});

test("after its retries a job has failed, with the code of its last attempt", async () => {
  await using workspace = await Workspace.make(WORKER);
  const line = `code 4 tried`;
  const run = await runLines(workspace, [line], ["--retries", "2"]);
  assert.equal(run.code, 1);
  const { error, attempt, exitCode } = await failure(workspace, 0);
  assert.deepEqual({ error, attempt, exitCode }, {
    error: "exit code 4: tried",
    attempt: 3,
    exitCode: 4,
  });
});

test("without --retries, a job fails at its first non-zero exit code", async () => {
  await using workspace = await Workspace.make(WORKER);
  const run = await runLines(workspace, ["code 4"]);
  assert.equal(run.code, 1);
  assert.equal((await failure(workspace, 0)).attempt, 1);
});

test("a job over --memory fails with the memory it used, not as a crash", async () => {
  await using workspace = await Workspace.make(WORKER);
  const run = await runLines(workspace, ["huge 1000000000", "echo a"], ["--memory", "300M"]);
  assert.equal(run.code, 1, run.stderr);
  const { error = "", attempt, cause } = await failure(workspace, 0);
  assert.equal(cause, "memory");
  assert.match(error, /^used [\d.]+ [MG]iB of memory, over its limit of 300 MiB$/);
  assert.equal(attempt, 1, "it would need as much again");
  assert.match(run.stdout, /^failed attempts: 1 over the memory limit$/m);
  assert.deepEqual(await workspace.outputsByNumber(), { 1: "a" });
});

testUnless(
  process.platform === "linux" ? undefined : "only Linux says how much memory a process has",
  "a run whose core alone is over --memory ends at once, and no job has failed",
  async () => {
    await using workspace = await Workspace.make();
    const args = ["run", await core("init_hoards"), "--repeat", "1000", "--slots", "2"];
    const { code, stdout, stderr } = await workspace.run([...args, "--memory", "200M"]);
    assert.equal(code, 3, stdout + stderr);
    const problem = /its core uses 3\d\d MiB before its first job, over the limit of 200 MiB/;
    assert.match(stderr, problem);
    assert.doesNotMatch(stdout + stderr, /exited with status|failed attempts/);
  },
);

test("leaks of earlier jobs end the process at the memory limit, but fail no job", async () => {
  await using workspace = await Workspace.make();
  // Each is there long enough to be seen over the limit.
  const lines = Array.from({ length: 5 }, () => ["leak 100000000", "sleep 120"]).flat();
  const run = await runLines(workspace, lines, ["--memory", "300M", "--slots", "1"]);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  assert.doesNotMatch(run.stdout, /failed attempts/);
});

test("a job that always crashes fails after three crashes, and the reason names the signal", async () => {
  await using workspace = await Workspace.make(WORKER);
  const lines = ["crash", ...Array.from({ length: 50 }, (_, index) => `echo ${index}`)];
  const run = await runLines(workspace, lines);
  assert.equal(run.code, 1, run.stderr);
  const { error, attempt } = await failure(workspace, 0);
  assert.deepEqual({ error, attempt }, { error: "crashed in 3 attempts: SIGSEGV", attempt: 3 });
  assert.match(run.stdout, /^failed attempts: 3 crashes$/m);
  assert.match(run.stdout, /^50 of 51 jobs done/);
});

programTest(
  "a job that always kills its worker fails in the end, and the other jobs are done",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.write("lines", "echo a\necho b\nkill-parent\necho c\n");
    const args = ["run", BEHAVE, "--lines", "lines", "--slots", "1"];
    await using run = await workspace.start(args);
    assert.equal((await run.exited).code, 1, run.stderr);
    assert.deepEqual(await workspace.outputsByNumber(), { 0: "a", 1: "b", 3: "c" });
    assert.match(
      (await failure(workspace, 2)).error ?? "",
      /^10 workers were lost while running it/,
    );
    await eventually("its slots are gone", async () => (await run.descendants()).length === 0);
    assert.deepEqual(await run.files(), []);
  },
);

test("lines that other jobs printed are not shown as the reason of a crash", async () => {
  await using workspace = await Workspace.make();
  const lines = Array.from({ length: 5 }, () => ["stderr all is well", "crash"]).flat();
  const run = await runLines(workspace, lines, ["--slots", "1", "--crash-limit", "1"]);
  assert.equal(run.code, 1, run.stderr);
  const errors = (await workspace.records()).flatMap(({ error }) => error ?? []);
  assert.deepEqual(errors, Array.from({ length: 5 }, () => "crashed: SIGSEGV"));
});

test("--crash-limit sets after how many crashes a job fails", async () => {
  await using workspace = await Workspace.make(WORKER);
  const run = await runLines(workspace, ["abort"], ["--crash-limit", "1"]);
  assert.equal(run.code, 1, run.stderr);
  const { error, attempt } = await failure(workspace, 0);
  assert.deepEqual({ error, attempt }, { error: "crashed: SIGABRT", attempt: 1 });
});

test("a job that crashes once is done in the end", async () => {
  await using workspace = await Workspace.make(WORKER);
  const run = await runLines(workspace, [`die-once ${workspace.at("died")}`]);
  assert.equal(run.code, 0, run.stderr);
  assert.deepEqual(await workspace.outputsByNumber(), { 0: "survived" });
});

programTest("a crash is tried again on another worker, where there is one", async () => {
  await using workspace = await Workspace.make(WORKER);
  await using one = await startWorker({ slots: 1 });
  await using other = await startWorker({ slots: 1 });
  const workers = `127.0.0.1:${one.port},127.0.0.1:${other.port}`;
  const args = ["--workers", workers, "--crash-limit", "2"];
  const gate = new Gate(workspace);
  await workspace.write("lines", `${gate.job}\n${gate.job}\ncrash\n`);
  await using run = await workspace.start(["run", BEHAVE, "--lines", "lines", ...args]);
  await gate.reachedBy(2); // both have the core before the crash
  await gate.open();
  assert.equal((await run.exited).code, 1, run.stderr);
  const crashes = [one, other].map(({ stderr }) => stderr.match(/crashed: SIGSEGV/g)?.length);
  assert.deepEqual(crashes, [1, 1]);
});

test("the JSON summary counts every kind of fault separately", async () => {
  await using workspace = await Workspace.make(WORKER);
  const lines = ["crash", "sleep 600000", "code 2", "hoard 1000000000"];
  // A busy machine takes a while to give a job that much memory.
  const limits = ["--timeout", "6s", "--memory", "200M", "--crash-limit", "2", "--json"];
  const run = await runLines(workspace, lines, limits);
  assert.deepEqual(JSON.parse(run.stdout).faults, {
    crashes: 2,
    timeouts: 1,
    exitCodes: 1,
    memory: 1,
    lost: 0,
  });
});

slowTest(
  "a worker of version 1 that answers nothing for far longer than --timeout is given up",
  async () => {
    await using workspace = await Workspace.make(WORKER);
    await using hanging = await CWorker.start();
    await using other = await startWorker({ slots: 1 });
    const marker = workspace.at("slow");
    const workers = `${hanging.address},127.0.0.1:${other.port}`;
    // Whoever has it first takes a minute; ours ends it in time, the other maker's is given up.
    const lines = [`slow-once ${marker}`, `slow-once ${workspace.at("slow-too")}`];
    const args = ["--workers", workers, "--timeout", "1s", "--retries", "1", "--no-speculate"];
    const run = await runLines(workspace, lines, args);
    assert.equal(run.code, 0, run.stdout + run.stderr);
    assert.deepEqual(await workspace.outputsByNumber(), { 0: "quick", 1: "quick" });
    assert.match(
      run.stderr,
      /speaks only protocol version 1 and cannot enforce time and memory limits/,
    );
    assert.match(
      run.stderr,
      /it has not answered any job for 12s; the time limit of a job is 1s/,
    );
  },
);

for (
  const [args, problem] of [
    [["--timeout", "soon"], /--timeout.*such as 500ms, 30s.*not "soon"/],
    [["--timeout", "0"], /--timeout must be a time over 0/],
    [["--memory", "much"], /--memory.*such as 500M or 2G, not "much"/],
    [["--memory", "2"], /a slot alone needs 64M/],
    [["--retries", "-1"], /--retries must be a whole number of at least 0, not "-1"/],
    [["--crash-limit", "0"], /--crash-limit must be a whole number of at least 1/],
    [["--verify", "3"], /--verify must be 2, for every job, or a percentage/],
    [["--verify", "2"], /--verify needs at least two workers/],
  ] as const
) {
  test(`${args.join(" ")} is refused with what it should be`, async () => {
    await using workspace = await Workspace.make(WORKER);
    const run = await workspace.run(["run", BEHAVE, "--repeat", "1", ...args]);
    assert.equal(run.code, 2);
    assert.match(run.stderr, problem);
  });
}

async function runLines(
  workspace: Workspace,
  lines: readonly string[],
  args: readonly string[] = [],
): Promise<Ended> {
  await workspace.write("lines", lines.map((line) => `${line}\n`).join(""));
  const isGiven = workspace.worker || args.includes("--slots") || args.includes("--workers");
  const slots = isGiven ? [] : ["--slots", "2"];
  return await workspace.run(["run", BEHAVE, "--lines", "lines", ...slots, ...args]);
}

async function failure(workspace: Workspace, index: number): Promise<JobRecord> {
  const record = (await workspace.records()).find((other) => other.index === index);
  assert(record, await readFile(workspace.at("outputs/.distcomp/jobs.jsonl"), "utf8"));
  assert.equal(record.state, "failed");
  return record;
}
