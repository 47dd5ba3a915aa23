/** `distcomp status`: of a run that goes on, that was killed, and that has ended. */

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { runListLines } from "../../../cli/watching/status_text.ts";
import type { PastRun, RunSnapshot } from "../../../watch/snapshot.ts";
import { core } from "../../lib/cores.ts";
import { eventually, startWorker } from "../../lib/processes.ts";
import { programTest, test, testUnless } from "../../lib/test.ts";
import { fakeRun } from "../../watch/fake_snapshots.ts";
import { Gate } from "../gate.ts";
import { Workspace } from "../workspace.ts";

const BEHAVE = await core("behave");
const noProcessStates = existsSync("/proc/self/stat") ? undefined : "only Linux tells it in a file";

programTest(
  "a run is seen from another terminal, says what was left when it is killed, and what it has done in the end",
  async () => {
    await using workspace = await Workspace.make();
    const env = { XDG_RUNTIME_DIR: workspace.path }; // they find each other there
    const gate = new Gate(workspace);
    await workspace.write("lines", `echo 1\ncode 3 bad\n${`${gate.job}\n`.repeat(3)}`);
    const args = ["run", BEHAVE, "--lines", "lines", "--slots", "1"];
    const status = async (...target: string[]) =>
      await workspace.run(["status", ...target], { env });
    const json = async () => JSON.parse((await status("outputs", "--json")).stdout);

    await using killed = await workspace.start(args, { env });
    await gate.reachedBy(1);
    const live = await eventually("the run answers, with the first jobs", async () => {
      const { code, stdout } = await status("outputs", "--json");
      const snapshot = code === 0 ? JSON.parse(stdout) as RunSnapshot | PastRun : undefined;
      return snapshot?.kind === "run" && snapshot.jobs.failed === 1 && snapshot;
    });
    assert.deepEqual([live.pid, live.output], [killed.pid, workspace.at("outputs")]);
    assert.deepEqual(live.jobs, {
      ...{ total: 5, done: 1, failed: 1, skipped: 0 },
      ...{ running: 1, waiting: 2 },
    });
    assert.deepEqual(live.running.map(({ name }) => name), ["000002"]);
    assert.equal(live.failures[0]?.reason, "exit code 3: bad");
    assert.equal(live.workers[0]?.jobs.length, 1);
    const { stdout } = await status("outputs");
    assert.match(stdout, /^run of behave\S*, process \d+ on .*, outputs in .*\nafter .*: 1 done, /);
    const { runs } = { runs: JSON.parse((await status("--json")).stdout) as RunSnapshot[] };
    assert(runs.some(({ pid }) => pid === killed.pid), "it is in the list of all runs");

    await eventually(
      "the run has noted how many jobs there are, which it does a second after its start",
      () => {
        const record = JSON.parse(
          readFileSync(workspace.at("outputs/.distcomp/live.json"), "utf8"),
        );
        return record.toRun === 5;
      },
    );
    await killed.kill();
    const left: PastRun = await json();
    assert.deepEqual([left.kind, left.end, left.left], ["past", "killed", 3]);
    const report = await workspace.run(["report", "outputs"]);
    assert.match(report.stdout, /^2 jobs: .*\nthe run did not end in order, with 3 jobs left\n/);
    await gate.open();
    await using again = await workspace.start(args, { env });
    assert.equal((await again.exited).code, 1, again.stderr);
    assert.match(
      (await status("outputs")).stdout,
      /^the run in .*outputs has ended: 4 jobs done, 1 failed\n {2}failed: 000001 {2}exit code 3: bad\nrepeat its command with --retry-failed /,
    );
  },
);

programTest(
  "two workers with one name are told apart by status as by the log and the journal",
  async () => {
    await using workspace = await Workspace.make();
    const env = { XDG_RUNTIME_DIR: workspace.path };
    const gate = new Gate(workspace);
    await workspace.write("lines", `${gate.job}\n`.repeat(2));
    const args = ["run", BEHAVE, "--lines", "lines", "--listen", "127.0.0.1:0"];
    await using run = await workspace.start(args, { env });
    const [, address = ""] = await run.printed("stderr", /^waiting for workers on (.*)$/m);
    const connecting = ["worker", "--connect", address, "--name", "twin", "--slots", "1"];
    await using one = await workspace.start(connecting);
    await using two = await workspace.start(connecting);
    await gate.reachedBy(2);
    const { workers, running } = await eventually("the run answers", async () => {
      const { code, stdout } = await workspace.run(["status", "outputs", "--json"], { env });
      return code === 0 && JSON.parse(stdout) as RunSnapshot;
    });
    const names = ["twin", "twin#2"];
    assert.deepEqual(workers.map(({ name }) => name).toSorted(), names);
    assert.deepEqual(running.map(({ worker }) => worker).toSorted(), names);
    const shown = await workspace.run(["status", "outputs"], { env });
    for (const name of names) assert.match(shown.stdout, new RegExp(`^ *${name}[: ]`, "m"));
    await gate.open();
    assert.equal((await run.exited).code, 0, run.stderr);
    const nodes = (await workspace.records()).map(({ node }) => node);
    assert.deepEqual(nodes.toSorted(), names);
    await Promise.all([one.stop(), two.stop()]);
  },
);

testUnless(
  noProcessStates,
  "a run or a worker that is stopped is said to be stopped, and how it goes on, before the limit for its answer",
  async () => {
    await using workspace = await Workspace.make();
    const env = { XDG_RUNTIME_DIR: workspace.path };
    const gate = new Gate(workspace);
    await workspace.write("lines", gate.job);
    await using worker = await startWorker({ slots: 1 });
    const address = `127.0.0.1:${worker.port}`;
    const args = ["run", BEHAVE, "--lines", "lines", "--workers", address];
    await using run = await workspace.start(args, { env });
    await gate.reachedBy(1);
    await eventually("the run answers", async () => {
      return (await workspace.run(["status", "outputs"], { env })).code === 0;
    });
    for (const program of [run, worker]) program.signal("SIGSTOP");
    await eventually("both are stopped", () => [run, worker].every(({ pid }) => isStopped(pid)));
    const ended = await workspace.runEach<[string[], number, number | undefined]>(
      [
        [[], run.pid, undefined], // other runs of this machine may be there, and answer
        [["outputs"], run.pid, 2],
        [[address], worker.pid, 3],
      ],
      ([target]) => ["status", ...target],
      { env },
    );
    for (const program of [run, worker]) program.signal("SIGCONT");
    await gate.open();
    for (const [[target, pid, expected], { code, stdout, stderr }] of ended) {
      const next =
        `process ${pid} is stopped; to continue it: fg in its terminal, or kill -CONT ${pid}`;
      assert.match(stderr, new RegExp(`^distcomp: .*: ${next}$`, "m"), target.join());
      if (expected !== undefined) assert.deepEqual([code, stdout], [expected, ""], target.join());
    }
    assert.equal((await run.exited).code, 0, run.stderr);
  },
);

test("status says in a line why it shows nothing", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("empty/file", "");
  const cases = await workspace.runEach<[string, RegExp]>([
    ["empty/file", /^distcomp: "empty\/file" is neither a folder nor a pack; name the outputs /],
    ["res.tar", /^distcomp: There is no pack "res\.tar"; name the outputs of a run, or a worker /],
    ["empty", /^distcomp: There is no run in "empty", and there has been none$/],
    ["nowhere/", /^distcomp: There is no folder "nowhere"; name the outputs of a run, or a /],
  ], ([target]) => ["status", target]);
  for (const [[target, reason], { code, stderr }] of cases) {
    assert.equal(code, 2, target);
    assert.match(stderr.trimEnd(), reason);
  }
});

test("a list of runs has one line for each, with as many jobs as it has, if that is known", () => {
  const jobs = { done: 0, failed: 0, skipped: 0, running: 1, waiting: 0 };
  const lineOf = (done: number, total: number | null) =>
    runListLines([{ socket: "", snapshot: fakeRun({}, { jobs: { ...jobs, done, total } }) }])[0];
  assert.match(lineOf(0, 1) ?? "", /, 0 of 1 job, /);
  assert.match(lineOf(1, 2) ?? "", /, 1 of 2 jobs, /);
  assert.match(lineOf(1, null) ?? "", /, 1 job, /);
});

/** The system stops a process some time after it has taken the signal. */
function isStopped(pid: number): boolean {
  return / T \d/.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
}
