/** `--verify`: a result that two workers agree on counts, and workers that are outvoted are excluded. */

import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import {
  type JobAnswer,
  type ReceivedJob,
  ScriptedWorker2,
} from "../../../fixtures/peers/scripted_worker_2.ts";
import { core } from "../../../lib/cores.ts";
import { startWorker } from "../../../lib/processes.ts";
import { test } from "../../../lib/test.ts";
import { Workspace } from "../../workspace.ts";

const BEHAVE = await core("behave");
const ECHO = await core("echo");

test("with --verify 2, every job runs on two workers that agree on the output", async () => {
  await using workspace = await Workspace.make();
  await using one = await ScriptedWorker2.start({ slots: 2 });
  await using other = await ScriptedWorker2.start({ slots: 2 });
  const args = ["--repeat", "40", "--verify", "2", "--workers", both(one, other)];
  const run = await workspace.run(["run", ECHO, ...args]);
  assert.equal(run.code, 0, run.stderr);
  assert.equal(Object.keys(await workspace.outputsByNumber()).length, 40);
  for (const { received, complaints } of [one, other]) {
    assert.equal(new Set(received.jobs.map(({ job }) => job)).size, 40, "each had all of them");
    assert.deepEqual(complaints, []);
  }
});

test("with a percentage, that part of the jobs runs twice", async () => {
  await using workspace = await Workspace.make();
  await using one = await ScriptedWorker2.start();
  await using other = await ScriptedWorker2.start();
  const args = ["--repeat", "200", "--verify", "5%", "--workers", both(one, other)];
  const run = await workspace.run(["run", ECHO, ...args]);
  assert.equal(run.code, 0, run.stderr);
  const sent = one.received.jobs.length + other.received.jobs.length;
  // At the end of a run, a job that is late on a busy machine gets a copy besides.
  assert(sent >= 210 && sent < 230, `${sent} jobs were sent`);
  assert.match(run.stdout, /^verified: 10 of 200 jobs, with the same output on two workers$/m);
});

test("a worker that computes wrong results is outvoted and excluded, and none of its wrong results is an output", async () => {
  await using workspace = await Workspace.make();
  await using liar = await ScriptedWorker2.start({ answerJob: wrongly });
  await using one = await ScriptedWorker2.start({ delayMs: 2 });
  await using other = await ScriptedWorker2.start({ delayMs: 2 });
  const workers = `127.0.0.1:${liar.port},${both(one, other)}`;
  const args = ["--repeat", "100", "--verify", "2", "--workers", workers];
  const run = await workspace.run(["run", ECHO, ...args]);
  assert.equal(run.code, 0, run.stderr);
  const expected = Array.from({ length: 100 }, (_, index) => [String(index), String(index)]);
  assert.deepEqual(await workspace.outputsByNumber(), Object.fromEntries(expected));
  const name = `127\\.0\\.0\\.1:${liar.port}`;
  assert.match(
    run.stderr,
    new RegExp(`worker ${name}: its output for job "\\d{6}" differs from that`),
  );
  assert.match(run.stderr, new RegExp(`cannot use worker ${name}: it computes wrong`));
});

test("the summary names a worker that gives wrong outputs, and its command lists the unverified ones of it", async () => {
  await using workspace = await Workspace.make();
  await using liar = await ScriptedWorker2.start({ answerJob: wrongly, machine: "node 7" });
  await using one = await ScriptedWorker2.start({ delayMs: 2 });
  await using other = await ScriptedWorker2.start({ delayMs: 2 });
  const workers = `127.0.0.1:${liar.port},${both(one, other)}`;
  const args = ["--repeat", "200", "--verify", "10%", "--workers", workers];
  const run = await workspace.run(["run", ECHO, ...args]);
  assert.equal(run.code, 0, run.stderr);
  const wrong = Object.entries(await workspace.outputsByNumber())
    .filter(([name, output]) => name !== output).length;
  assert(wrong > 0, "it has given some before it was found out");
  assert.match(
    run.stdout,
    new RegExp(
      `^worker 127.0.0.1:${liar.port} gave \\d+ wrong outputs?; ${wrong} other outputs? of it ` +
        `(was|were) accepted unverified\n  to name unverified outputs: jq .* outputs/.distcomp/`,
      "m",
    ),
  );
  const listed = (await workspace.records()).filter(({ state, node, verified }) =>
    state === "done" && node === "node 7" && !verified
  );
  assert.equal(listed.length, wrong);
  assert(run.stdout.includes(`'select(.state == "done" and .node == ("node 7") and (.verified`));
  for (const { input } of listed) await rm(workspace.at(`outputs/${input}`));
  const quiet = ["--quiet", "--exclude", "node 7"];
  const again = await workspace.run(["run", ECHO, ...args, ...quiet]);
  assert.equal(again.code, 0, again.stderr);
  const expected = Array.from({ length: 200 }, (_, index) => [String(index), String(index)]);
  assert.deepEqual(await workspace.outputsByNumber(), Object.fromEntries(expected));
});

test("with --quiet, a warning at the end names a worker that gives wrong outputs", async () => {
  await using workspace = await Workspace.make();
  await using liar = await ScriptedWorker2.start({ answerJob: wrongly });
  await using one = await ScriptedWorker2.start({ delayMs: 2 });
  await using other = await ScriptedWorker2.start({ delayMs: 2 });
  const workers = `127.0.0.1:${liar.port},${both(one, other)}`;
  const args = ["--repeat", "200", "--verify", "10%", "--quiet", "--json", "--workers", workers];
  const run = await workspace.run(["run", ECHO, ...args]);
  assert.match(run.stderr, /^warning: worker \S+ gave \d+ wrong .* accepted unverified$/m);
  const [wrong] = JSON.parse(run.stdout).verified.wrongWorkers;
  assert.equal(wrong.worker, `127.0.0.1:${liar.port}`);
  assert(wrong.unverified > 0);
});

test("a job fails if two workers disagree and there is no third one, and the reason names both", async () => {
  await using workspace = await Workspace.make();
  await using one = await ScriptedWorker2.start();
  await using other = await ScriptedWorker2.start({
    answerJob: (job) => job.job === 7n ? wrongly(job) : undefined,
  });
  const args = ["--repeat", "20", "--verify", "2", "--workers", both(one, other)];
  const run = await workspace.run(["run", ECHO, ...args]);
  assert.equal(run.code, 1, run.stderr);
  assert.match(run.stdout, /^19 of 20 jobs done, 1 failed/);
  assert.match(run.stdout, /^ {2}000007 {2}127.0.0.1:\d+, 127.0.0.1:\d+ give different outputs/m);
});

test("a core with different outputs for the same input ends the run early", async () => {
  await using workspace = await Workspace.make();
  await using one = await startWorker({ slots: 1 });
  await using other = await startWorker({ slots: 1 });
  await workspace.write("lines", "pid\n".repeat(1000));
  const workers = `127.0.0.1:${one.port},127.0.0.1:${other.port}`;
  const args = ["--lines", "lines", "--verify", "2", "--workers", workers];
  const run = await workspace.run(["run", BEHAVE, ...args]);
  assert.equal(run.code, 1);
  assert.match(
    run.stderr,
    /No two workers gave the same output for any of the first 3 verified jobs.*\nto resume: .*\n$/,
  );
  assert.deepEqual(await workspace.outputsByNumber(), {});
  assert((await workspace.records()).length < 100, "most jobs have not even begun");
});

function both(...workers: ScriptedWorker2[]): string {
  return workers.map(({ port }) => `127.0.0.1:${port}`).join(",");
}

function wrongly({ input }: ReceivedJob): JobAnswer {
  return { exitCode: 0, output: new TextEncoder().encode(`not ${input.length}`) };
}
