/** `distcomp run` with workers: distcomp's own, other implementations, lost ones, and ones that reconnect. */

import assert from "node:assert/strict";
import { echo, startPeer } from "../../../fixtures/peers/scripted_worker.ts";
import { core } from "../../../lib/cores.ts";
import { eventually, Program, startWorker } from "../../../lib/processes.ts";
import { programTest, test } from "../../../lib/test.ts";
import { CWorker } from "../../c_worker.ts";
import { endOf, Workspace } from "../../workspace.ts";

const ECHO = await core("echo");
const BEHAVE = await core("behave");

test("a worker in C runs the jobs of a run, and a failing one among them", async () => {
  await using workspace = await prepared();
  await using worker = await CWorker.start();
  await workspace.write("in/fails", "code -7 no luck");
  const run = await workspace.run(["run", BEHAVE, "in", "--workers", worker.address]);
  assert.equal(run.code, 1, run.stderr);
  assert.match(run.stdout, /fails {2}exit code -7: no luck/);
  assert.doesNotMatch(run.stderr, /warning/);
  await assertOutputs(workspace);
  const workers = new Set((await workspace.records()).map(({ worker }) => worker));
  assert.deepEqual([...workers], [worker.address]);
});

test("a slow worker in C, and one that frees only non-empty outputs, run jobs", async () => {
  await using workspace = await prepared();
  await using slow = await CWorker.start("--slow-ms", 5);
  await using sparing = await CWorker.start("--skip-empty");
  const workers = `${slow.address},${sparing.address}`;
  const run = await workspace.run(["run", BEHAVE, "in", "--workers", workers]);
  assert.equal(run.code, 0, run.stderr);
  await assertOutputs(workspace);
});

test("when a worker in C dies during the run, a warning is logged and no job fails", async () => {
  await using workspace = await prepared();
  await using dying = await CWorker.start("--die-after", 20, "--slow-ms", 2);
  await using other = await CWorker.start("--slow-ms", 5);
  const workers = `${dying.address},${other.address}`;
  const run = await workspace.run(["run", BEHAVE, "in", "--workers", workers]);
  assert.equal(run.code, 0, run.stderr);
  assert.match(
    run.stderr,
    new RegExp(`^warning: lost worker ${dying.address}: .*; \\d+ jobs? rescheduled$`, "m"),
  );
  await assertOutputs(workspace);
  const records = await workspace.records();
  const countOf = (name: string) => records.filter(({ worker }) => worker === name).length;
  assert(countOf(dying.address) <= 20);
  assert.equal(countOf(dying.address) + countOf(other.address), JOBS);
  assert(records.some(({ attempt }) => attempt === 2), "what it had was sent again");
});

test("a worker that comes back at its address is used again", async () => {
  await using workspace = await prepared();
  await using first = await CWorker.start("--die-after", 10);
  await using program = await workspace.begin(["run", BEHAVE, "in", "--workers", first.address]);
  await program.printed("stderr", /warning: lost worker/);
  await using _second = await CWorker.start("--port", first.port);
  assert.equal((await endOf(program)).code, 0, program.stderr);
  await assertOutputs(workspace);
  const { address } = first;
  assert.match(
    program.stderr,
    new RegExp(`^worker ${address} joined$[^]*^worker ${address} is back$`, "m"),
  );
});

test("a run waits for a worker that starts later", async () => {
  await using workspace = await prepared();
  const gone = await CWorker.start();
  await gone[Symbol.asyncDispose]();
  await using program = await workspace.begin(["run", BEHAVE, "in", "--workers", gone.address]);
  await program.printed("stderr", /warning: worker .*: connection refused; trying again/);
  await using _late = await CWorker.start("--port", gone.port);
  assert.equal((await endOf(program)).code, 0, program.stderr);
  await assertOutputs(workspace);
});

test("a peer that answers out of order gets every job once", async () => {
  await using workspace = await Workspace.make();
  await using peer = await startPeer(echo({ reorder: true, parallel: 4 }));
  const workers = `127.0.0.1:${peer.port}`;
  const run = await workspace.run(["run", ECHO, "--repeat", "300", "--workers", workers]);
  assert.equal(run.code, 0, run.stderr);
  assert.deepEqual(await workspace.outputsByNumber(), numbers(300));
  assert.deepEqual(peer.complaints, []);
  assert.equal(peer.jobs, 300);
});

test("workers of three implementations share a run", async () => {
  await using workspace = await Workspace.make();
  await using ours = await startWorker({ slots: 2 });
  await using inC = await CWorker.start("--slow-ms", 1);
  await using scripted = await startPeer(echo({ delayMs: 2, parallel: 2 }));
  const names = [`127.0.0.1:${ours.port}`, inC.address, `127.0.0.1:${scripted.port}`];
  const args = ["run", ECHO, "--repeat", "3000", "--workers", names.join(",")];
  const run = await workspace.run(args);
  assert.equal(run.code, 0, run.stderr);
  assert.deepEqual(await workspace.outputsByNumber(), numbers(3000));
  const workers = new Set((await workspace.records()).map(({ worker }) => worker));
  assert.deepEqual([...workers].sort(), names.sort());
});

test("workers come from DISTCOMP_WORKERS, unless --workers is given", async () => {
  await using workspace = await Workspace.make();
  await using one = await startPeer(echo());
  await using other = await startPeer(echo());
  const env = { DISTCOMP_WORKERS: `127.0.0.1:${one.port}` };
  const args = ["run", ECHO, "--repeat", "5", "--fresh"];
  assert.equal((await workspace.run(args, { env })).code, 0);
  assert.deepEqual([one.jobs, other.jobs], [5, 0]);
  await workspace.run([...args, "--workers", `127.0.0.1:${other.port}`], { env });
  assert.deepEqual([one.jobs, other.jobs], [5, 5]);
  await workspace.run(args, { env: { DISTCOMP_WORKERS: "" } });
  assert.deepEqual([one.jobs, other.jobs], [5, 5], "an empty variable names nobody");
});

test("lists of workers add up: those of a repeated --workers, and of files among them", async () => {
  await using workspace = await Workspace.make();
  await using one = await startPeer(echo({ delayMs: 1 }));
  await using other = await startPeer(echo({ delayMs: 1 }));
  await using third = await startPeer(echo({ delayMs: 1 }));
  await workspace.write("some, workers", `127.0.0.1:${other.port}\n`);
  const lists = [`127.0.0.1:${one.port}`, "@some, workers", `127.0.0.1:${third.port}`];
  const args = lists.flatMap((list) => ["--workers", list]);
  const run = await workspace.run(["run", ECHO, "--repeat", "50", ...args]);
  assert.equal(run.code, 0, run.stderr);
  assert(one.jobs > 0 && other.jobs > 0 && third.jobs > 0);
});

test("workers come from a file, with comments, empty lines and names", async () => {
  await using workspace = await Workspace.make();
  await using one = await startPeer(echo({ delayMs: 1 }));
  await using other = await startPeer(echo({ delayMs: 1 }));
  await workspace.write(
    "workers",
    `# our machines\n\n127.0.0.1:${one.port} # the first\r\n  localhost:${other.port}\n`,
  );
  const run = await workspace.run(["run", ECHO, "--repeat", "50", "--workers", "@workers"]);
  assert.equal(run.code, 0, run.stderr);
  assert(one.jobs > 0 && other.jobs > 0);
  assert.deepEqual(await workspace.outputsByNumber(), numbers(50));
});

programTest("a run that listens takes workers that connect, and waits for the first", async () => {
  await using workspace = await prepared();
  const args = ["run", BEHAVE, "in", "--listen", "127.0.0.1:0"];
  await using program = await workspace.begin(args);
  const [, address = ""] = await program.printed("stderr", /^waiting for workers on (.*)$/m);
  await using _one = await connectWorker(address);
  await outputsAppear(workspace, 5);
  await using other = await connectWorker(address);
  assert.equal((await endOf(program)).code, 0, program.stderr);
  await assertOutputs(workspace);
  await other.printed("stderr", /retrying/);
});

programTest("a run that listens and dials uses both kinds of workers", async () => {
  await using workspace = await Workspace.make();
  // So slow that the guest has time to come, and so unknown that it never has many jobs.
  await using dialed = await startPeer(echo({ delayMs: 100 }));
  const workers = `127.0.0.1:${dialed.port}`;
  const args = ["run", ECHO, "--repeat", "500", "--listen", "127.0.0.1:0", "--workers", workers];
  await using program = await workspace.begin(args);
  const [, address = ""] = await program.printed("stderr", /^waiting for workers on (.*)$/m);
  await using _guest = await connectWorker(address);
  assert.equal((await endOf(program)).code, 0, program.stderr);
  assert.deepEqual(await workspace.outputsByNumber(), numbers(500));
  const workersUsed = new Set((await workspace.records()).map(({ worker }) => worker));
  assert.equal(workersUsed.size, 2);
});

/** Inputs that take a little while each, so that the test can act in the middle of the run. */
const JOBS = 150;

async function prepared(): Promise<Workspace> {
  const workspace = await Workspace.make();
  for (let index = 0; index < JOBS; index++) {
    await workspace.write(`in/${index}`, index % 3 === 0 ? "sleep 10" : `echo ${index}`);
  }
  return workspace;
}

async function assertOutputs(workspace: Workspace): Promise<void> {
  const expected = Array.from(
    { length: JOBS },
    (_, index) => [String(index), index % 3 === 0 ? "slept" : String(index)],
  );
  assert.deepEqual(await workspace.outputs(), Object.fromEntries(expected));
}

function numbers(count: number): Record<string, string> {
  const names = Array.from({ length: count }, (_, index) => String(index));
  return Object.fromEntries(names.map((name) => [name, name]));
}

async function outputsAppear(workspace: Workspace, count: number): Promise<void> {
  await eventually(`${count} outputs`, async () => {
    const outputs = await workspace.outputs().catch(() => ({}));
    return Object.keys(outputs).length >= count;
  });
}

async function connectWorker(address: string): Promise<Program> {
  const worker = await Program.start(["worker", "--connect", address, "--slots", "1"]);
  await worker.printed("stderr", /connecting to/);
  return worker;
}
