/** `distcomp status`: of a run that goes on, that was killed, and that has ended. */

import assert from "node:assert/strict";
import type { PastRun, RunSnapshot } from "../../watch/snapshot.ts";
import { core } from "../lib/cores.ts";
import { eventually } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { Gate } from "./gate.ts";
import { Workspace } from "./workspace.ts";

const BEHAVE = await core("behave");

test("a run is seen from another terminal, says what was left when it is killed, and what it has done in the end", async () => {
  await using workspace = await Workspace.make();
  const env = { XDG_RUNTIME_DIR: workspace.path }; // they find each other there
  const gate = new Gate(workspace);
  await workspace.write("lines", `echo 1\ncode 3 bad\n${`${gate.job}\n`.repeat(3)}`);
  const args = ["run", BEHAVE, "--lines", "lines", "--slots", "1"];
  const status = async (...target: string[]) => await workspace.run(["status", ...target], { env });
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

  await killed.kill();
  const left: PastRun = await json();
  assert.deepEqual([left.kind, left.end], ["past", "killed"]);
  await gate.open();
  await using again = await workspace.start(args, { env });
  assert.equal((await again.exited).code, 1, again.stderr);
  assert.match(
    (await status("outputs")).stdout,
    /^the run in .*outputs has ended: 4 jobs done, 1 failed\n {2}failed: 000001 {2}exit code 3: bad\ntype its command again with --retry-failed /,
  );
});

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
