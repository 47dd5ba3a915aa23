/** Workers that die, hang, drain or join during a run: no job is lost, and none has two results. */

import assert from "node:assert/strict";
import { copyFile, mkdir, readFile, rm } from "node:fs/promises";
import process from "node:process";
import { Network } from "../../../fixtures/peers/network.ts";
import { coreError, startPeer } from "../../../fixtures/peers/scripted_worker.ts";
import { ScriptedWorker2 } from "../../../fixtures/peers/scripted_worker_2.ts";
import { core } from "../../../lib/cores.ts";
import { Program, startWorker } from "../../../lib/processes.ts";
import { programCommand } from "../../../lib/program_commands.ts";
import { programTest, programTestUnless, slowTest, test } from "../../../lib/test.ts";
import { Trace } from "../../../worker/trace.ts";
import { Gate, PASSED } from "../../gate.ts";
import { noDisk, UNSHARE } from "../../small_disk.ts";
import { endOf, type Running, Workspace } from "../../workspace.ts";

const BEHAVE = await core("behave");

/** More than all workers of a test have in flight before the first of them ends. */
const JOBS = 20;

programTest("when a worker is killed, a warning is logged and its jobs run elsewhere", async () => {
  await using workspace = await Workspace.make();
  const gate = await prepare(workspace);
  await using killed = await startWorker({ slots: 1 });
  await using other = await startWorker({ slots: 1 });
  await using run = await start(workspace, [killed.port, other.port]);
  await gate.reachedIn(killed);
  await killed.kill();
  await gate.open();
  await assertDone(workspace, run);
  assert.match(run.stderr, new RegExp(`^warning: lost worker 127.0.0.1:${killed.port}`, "m"));
});

test("no job fails when a slot is killed from outside", async () => {
  await using workspace = await Workspace.make();
  const gate = await prepare(workspace);
  await using worker = await startWorker({ slots: 2 });
  await using run = await start(workspace, [worker.port]);
  const slot = await gate.reachedIn(worker);
  process.kill(slot, "SIGKILL");
  await gate.open();
  await assertDone(workspace, run);
  assert.equal(await gate.reachedTimes(), JOBS + 1, "one job ran again");
});

programTest("no job fails when a slot is killed while it loads the core", async () => {
  await using trace = new Trace();
  await using workspace = await Workspace.make();
  await using worker = await startWorker({ slots: 1 });
  const killed = await core("init_killed", { KILLS: 2, COUNT_FILE: JSON.stringify(trace.path) });
  const args = ["--repeat", "3", "--workers", `127.0.0.1:${worker.port}`];
  const run = await workspace.run(["run", killed, ...args]);
  assert.equal(run.code, 0, run.stderr);
  assert((await trace.text()).length > 2, "it was killed twice");
});

slowTest(
  "a worker that hangs, and one whose cable is pulled, are given up after 20 seconds",
  async () => {
    await using workspace = await Workspace.make();
    const gate = await prepare(workspace);
    await using hanging = await startWorker({ slots: 1 });
    await using hidden = await startWorker({ slots: 1 });
    await using other = await startWorker({ slots: 1 });
    await using network = await Network.open(hidden.port);
    const ports = [hanging.port, network.port, other.port];
    await using run = await start(workspace, ports, ["--no-speculate"]);
    for (const worker of [hanging, hidden, other]) await gate.reachedIn(worker);
    using _frozen = hanging.freeze();
    network.die();
    await gate.open();
    await assertDone(workspace, run);
    for (const port of [hanging.port, network.port]) {
      const lost = `lost worker 127.0.0.1:${port}: no response for \\d+s; \\d jobs? rescheduled`;
      assert.match(run.stderr, new RegExp(lost));
    }
  },
);

programTest(
  "near the end of a run, the jobs of a worker that hangs are copied to other workers",
  async () => {
    await using workspace = await Workspace.make();
    const gate = await prepare(workspace);
    await using hanging = await startWorker({ slots: 1 });
    await using other = await startWorker({ slots: 1 });
    await using run = await start(workspace, [hanging.port, other.port]);
    await gate.reachedIn(hanging);
    using _frozen = hanging.freeze();
    await gate.open();
    await assertDone(workspace, run);
    assert.doesNotMatch(
      run.stderr,
      /no response for/,
      "the run ended before the heartbeat timeout",
    );
  },
);

slowTest("a worker on a slow link is not given up", async () => {
  await using workspace = await Workspace.make();
  await using worker = await startWorker({ slots: 1 });
  // Half a minute for this input, with nothing from the worker while it comes.
  await using network = await Network.open(worker.port, { bytesPerMs: 120 });
  await workspace.write("in/0", `echo ${"x".repeat(10)}`);
  await workspace.write("in/1", `sleep 1 ${"x".repeat(3_000_000)}`);
  const args = ["run", BEHAVE, "in", "--workers", `127.0.0.1:${network.port}`];
  const run = await workspace.run(args);
  assert.equal(run.code, 0, run.stderr);
  assert.equal(run.stderr.includes("warning"), false, run.stderr);
});

programTest(
  "a draining worker finishes its running jobs, and the others are rescheduled without a failed attempt",
  async () => {
    await using workspace = await Workspace.make();
    const gate = await prepare(workspace);
    await using leaving = await startWorker({ slots: 1 });
    await using other = await startWorker({ slots: 1 });
    await using run = await start(workspace, [leaving.port, other.port]);
    await gate.reachedIn(leaving);
    leaving.signal("SIGTERM");
    await leaving.printed("stderr", /finish/);
    await gate.open();
    await leaving.endsCleanly();
    await assertDone(workspace, run);
    const attempts = (await workspace.records()).map(({ attempt }) => attempt);
    assert.deepEqual([...new Set(attempts)], [1]);
  },
);

programTest("a worker that comes back as a new process at its address is used again", async () => {
  await using workspace = await Workspace.make();
  const gate = await prepare(workspace);
  await using first = await startWorker({ slots: 1 });
  await using run = await start(workspace, [first.port]);
  await gate.reachedIn(first);
  await first.kill();
  await gate.open();
  await using _second = await Program.start([
    ...["worker", "--listen", `127.0.0.1:${first.port}`, "--slots", "1"],
  ]);
  await assertDone(workspace, run);
});

programTest("workers join and leave with the lines of a file that changes", async () => {
  await using workspace = await Workspace.make();
  const gate = await prepare(workspace);
  await using one = await startWorker({ slots: 1 });
  await using other = await startWorker({ slots: 1 });
  await workspace.write("workers", `127.0.0.1:${one.port}\n`);
  await using run = await workspace.begin(["run", BEHAVE, "in", "--workers", "@workers"]);
  await gate.reachedIn(one);
  await workspace.write("workers", `127.0.0.1:${other.port}\n`);
  await gate.reachedIn(other);
  await gate.open();
  await assertDone(workspace, run);
  const last = (await workspace.records()).at(-1);
  assert.equal(last?.worker, `127.0.0.1:${other.port}`);
});

programTest("a worker file that becomes empty or disappears changes nothing", async () => {
  await using workspace = await Workspace.make();
  const gate = await prepare(workspace);
  await using worker = await startWorker({ slots: 1 });
  await workspace.write("workers", `127.0.0.1:${worker.port}\n`);
  await using run = await workspace.begin(["run", BEHAVE, "in", "--workers", "@workers"]);
  await gate.reachedIn(worker);
  await workspace.write("workers", "# none\n");
  const empty = /The worker list "workers" is empty; write one .*; keeping the current workers/;
  await run.printed("stderr", empty);
  await rm(workspace.at("workers"));
  await run.printed("stderr", /"workers".*no such file.*; keeping the current workers/);
  await gate.open();
  await assertDone(workspace, run);
});

test("a run ends with status 3 and the reasons when all usable workers are removed from its file", async () => {
  await using workspace = await Workspace.make();
  const gate = await prepare(workspace);
  await using worker = await startWorker({ slots: 1 });
  await using useless = await startPeer(coreError("built for another machine"));
  await using added = await startPeer(coreError("built for a third one"));
  const [usable, before, after] = [worker, useless, added].map(({ port }) => `127.0.0.1:${port}`);
  await workspace.write("workers", `${usable}\n${before}\n`);
  await using run = await workspace.begin(["run", BEHAVE, "in", "--workers", "@workers"]);
  await run.printed("stderr", /cannot use worker .*: built for another machine/);
  await gate.reachedIn(worker);
  await workspace.write("workers", `${before}\n${after}\n`);
  await run.printed("stderr", /cannot use worker .*: built for a third one/); // it has seen the file
  await gate.open();
  const { code, stderr } = await endOf(run);
  assert.equal(code, 3, stderr);
  const reasons = `${before}: built for another machine; ${after}: built for a third one`;
  assert(stderr.includes(`distcomp: No worker can be used: ${reasons}\nto resume: `), stderr);
  const outputs = Object.keys(await workspace.outputs());
  assert(outputs.length < JOBS, "it was met in its middle");
  assert.deepEqual((await workspace.records()).map(({ input }) => input), outputs.sort());
});

test("a worker that cancels jobs without a request is given up, and its jobs run elsewhere", async () => {
  await using workspace = await Workspace.make();
  const gate = await prepare(workspace);
  await using confused = await ScriptedWorker2.start({
    answerJob: () => ({ kind: 6, text: "cancelled, says who" }),
  });
  await using other = await startWorker({ slots: 1 });
  await using run = await start(workspace, [confused.port, other.port]);
  await run.printed("stderr", /it canceled a job that it was not told to cancel/);
  await gate.open();
  await assertDone(workspace, run);
});

programTestUnless(
  noDisk,
  "a worker whose disk has no room for the core is not used, and says why",
  async () => {
    await using workspace = await Workspace.make();
    const gate = await prepare(workspace);
    // What stands behind a library's last section is nobody's business.
    const large = new Uint8Array(1_000_000);
    large.set(await readFile(BEHAVE));
    await workspace.write("large.so", large);
    const small = 'mount -t tmpfs -o size=512k tmpfs "$TMPDIR" || exit 99; exec "$@"';
    const through = [...UNSHARE, "sh", "-c", small, "sh"];
    await using full = await startWorker({ slots: 1, through });
    await using other = await startWorker({ slots: 1 });
    const workers = `127.0.0.1:${full.port},127.0.0.1:${other.port}`;
    await using run = await workspace.begin(["run", "./large.so", "in", "--workers", workers]);
    await run.printed(
      "stderr",
      /cannot use worker .*this worker has no room for 977 KiB: the disk of its temporary folder "/,
    );
    await gate.open();
    await assertDone(workspace, run);
  },
);

programTest(
  "a worker whose temporary folder is removed finishes its job, ends and says why, and other jobs run elsewhere",
  async () => {
    await using workspace = await Workspace.make();
    const gate = await prepare(workspace);
    await mkdir(workspace.at("temporary"));
    const env = { TMPDIR: workspace.at("temporary") };
    await using cleaned = await Program.start(
      ["worker", "--listen", "127.0.0.1:0", "--slots", "1"],
      { env },
    );
    await cleaned.printed("stdout", /^listening on .*\n/m);
    await using other = await startWorker({ slots: 1 });
    await using run = await start(workspace, [cleaned.port, other.port]);
    await gate.reachedIn(cleaned);
    await rm(workspace.at("temporary"), { recursive: true });
    await cleaned.printed("stderr", /temporary folder ".*" is gone: finishing running jobs/);
    await gate.open();
    await assertDone(workspace, run);
    assert.equal((await cleaned.exited).code, 2);
    assert.match(
      cleaned.stderr,
      /^distcomp: The temporary folder .* was removed; start the worker /m,
    );
  },
);

programTest(
  "a run whose temporary folder is removed starts its worker again in another one",
  async () => {
    await using workspace = await Workspace.make();
    const gate = await prepare(workspace);
    await mkdir(workspace.at("temporary"));
    const env = { TMPDIR: workspace.at("temporary") };
    await using run = await workspace.start(["run", BEHAVE, "in", "--slots", "1"], { env });
    await gate.reachedBy(1);
    await rm(workspace.at("temporary"), { recursive: true });
    await run.printed("stderr", /is draining/);
    await gate.open();
    await assertDone(workspace, run);
    assert.match(
      run.stderr,
      /^warning: the temporary folder .* was removed; the worker starts again$/m,
    );
  },
);

programTest(
  "the jobs of a worker whose executable is removed run elsewhere after seconds, and the run says why",
  async () => {
    await using workspace = await Workspace.make();
    const gate = await prepare(workspace);
    const executable = workspace.at("executable");
    await copyFile(programCommand()[0] as string, executable);
    const through = ["sh", "-c", 'shift; exec "$0" "$@"', executable];
    await using stuck = await startWorker({ slots: 1, through });
    await using other = await startWorker({ slots: 1 });
    await using run = await start(workspace, [stuck.port, other.port], ["--no-speculate"]);
    const slot = await gate.reachedIn(stuck);
    await rm(executable);
    process.kill(slot, "SIGKILL");
    await gate.open();
    await assertDone(workspace, run);
    assert.match(
      run.stderr,
      new RegExp(
        `^warning: worker 127.0.0.1:${stuck.port} takes no more jobs: cannot start slots: `,
        "m",
      ),
    );
    assert((await workspace.records()).every(({ attempt }) => attempt === 1));
  },
);

test("the same worker under two names is used once", async () => {
  await using workspace = await Workspace.make();
  const gate = await prepare(workspace);
  await using worker = await startWorker({ slots: 1 });
  const workers = `127.0.0.1:${worker.port},localhost:${worker.port}`;
  await using run = await workspace.begin(["run", BEHAVE, "in", "--workers", workers]);
  await run.printed("stderr", /it is the same worker as .*, which is already connected/);
  await gate.open();
  await assertDone(workspace, run);
});

programTest("when one address of a worker fails, its other address is used at once", async () => {
  await using workspace = await Workspace.make();
  const gate = await prepare(workspace);
  await using worker = await startWorker({ slots: 1 });
  await using one = await Network.open(worker.port);
  await using other = await Network.open(worker.port);
  await using run = await start(workspace, [one.port, other.port]);
  const [, unused] = await run.printed("stderr", /cannot use worker .*:(\d+): it is the same/);
  const [used, spare] = Number(unused) === one.port ? [other, one] : [one, other];
  await gate.reachedIn(worker);
  await used[Symbol.asyncDispose]();
  await gate.open();
  await assertDone(workspace, run);
  assert.equal((await workspace.records()).at(-1)?.worker, `127.0.0.1:${spare.port}`);
});

/** Jobs that wait at a gate, with inputs in the folder `in`. */
async function prepare(workspace: Workspace): Promise<Gate> {
  const gate = new Gate(workspace);
  for (let index = 0; index < JOBS; index++) {
    await workspace.write(`in/${String(index).padStart(2, "0")}`, gate.job);
  }
  return gate;
}

function start(
  workspace: Workspace,
  ports: readonly number[],
  args: readonly string[] = [],
): Promise<Running> {
  const workers = ports.map((port) => `127.0.0.1:${port}`).join(",");
  return workspace.begin(["run", BEHAVE, "in", "--workers", workers, ...args]);
}

/** Every input has one output and one record. */
async function assertDone(workspace: Workspace, run: Running): Promise<void> {
  assert.equal((await endOf(run)).code, 0, run.stderr);
  const outputs = Object.values(await workspace.outputs());
  assert.deepEqual(outputs, Array.from({ length: JOBS }, () => PASSED));
  const indexes = (await workspace.records()).map(({ index }) => index);
  assert.deepEqual(indexes, Array.from({ length: JOBS }, (_, index) => index));
}
