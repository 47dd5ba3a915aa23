/** What cores print, and why they fail: both come to the run, also from other machines. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { core } from "../../../lib/cores.ts";
import { startWorker } from "../../../lib/processes.ts";
import { programTest, test } from "../../../lib/test.ts";
import { Workspace } from "../../workspace.ts";

const PRINTS = await core("prints_jobs", { REFUSES: 0 });
const UNLOADS = await core("prints_jobs", { REFUSES: 0, UNLOADS: 1 });
const REFUSES = await core("prints_jobs", { REFUSES: 1 });

test("each line that a core prints is shown once, with the name of the job that printed it", async () => {
  await using workspace = await Workspace.make();
  const run = await workspace.run(["run", PRINTS, "--repeat", "60", "--slots", "2"]);
  assert.equal(run.code, 0, run.stderr);
  const lines = run.stderr.split("\n").filter((line) => /^\d/.test(line)).toSorted();
  const wanted = Array.from({ length: 60 }, (_, n) => {
    const name = String(n).padStart(6, "0");
    return [`${name}: job ${n}`, `${name}: then ${n}`];
  }).flat();
  assert.deepEqual(lines, wanted.toSorted());
  assert.match(run.stderr, /^core: loading a model$/m);
});

test("what jobs print on another worker comes too, and is kept in files with --core-output keep", async () => {
  await using workspace = await Workspace.make();
  await using worker = await startWorker({ slots: 1 });
  await workspace.writeAll({ "in/a/b.txt": "one", "in/c": "two" });
  const workers = ["--workers", `127.0.0.1:${worker.port}`];
  const run = await workspace.run(["run", PRINTS, "in", "--core-output", "keep", ...workers]);
  assert.equal(run.code, 0, run.stderr);
  const kept = (name: string) => readFile(workspace.at(`outputs/.distcomp/output/${name}`), "utf8");
  assert.equal(await kept("a/b.txt"), "job one\nthen one\n");
  assert.equal(await kept("c"), "job two\nthen two\n");
  assert.equal(await kept("../core-output"), "loading a model\n");
  assert.doesNotMatch(run.stderr, /job one/);
});

test("what a failed job has printed is not kept when it is done without a line", async () => {
  await using workspace = await Workspace.make();
  const args = ["run", PRINTS, "in", "--core-output", "keep", "--slots", "1"];
  const kept = () => readFile(workspace.at("outputs/.distcomp/output/a"), "utf8");
  await workspace.write("in/a", "fail");
  assert.equal((await workspace.run(args)).code, 1);
  assert.equal(await kept(), "job fail\nthen fail\n");
  await workspace.write("in/a", "quiet");
  const again = await workspace.run(args);
  assert.equal(again.code, 0, again.stderr);
  await assert.rejects(kept(), { code: "ENOENT" });
});

test("a failed job's reason and last lines are there, whatever becomes of its output", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("lines", "fail\nthrow\nfine\n");
  const args = ["run", PRINTS, "--lines", "lines", "--core-output", "off", "--crash-limit", "1"];
  const run = await workspace.run([...args, "--slots", "1"]);
  assert.equal(run.code, 1, run.stderr);
  assert.equal(run.stderr, "");
  const records = await workspace.records() as unknown as { error?: string; printed?: string[] }[];
  assert.equal(records[0]?.error, "exit code 7 (then fail)");
  assert.deepEqual(records[0]?.printed, ["job fail", "then fail"]);
  assert.equal(records[1]?.error, "crashed: SIGABRT (std::runtime_error: bad magic)");
  assert.deepEqual(records[1]?.printed?.slice(0, 2), ["job throw", "then throw"]);
  assert.equal(records[1]?.printed?.at(-1), "flushed by nobody");
  assert.equal(records[2]?.printed, undefined);
  assert.match(run.stdout, /std::runtime_error: bad magic/);
});

programTest("what a core prints while it is unloaded goes where its other lines go", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("in/a", "quiet");
  const linesWith = async (mode: string) => {
    const args = ["run", UNLOADS, "in", "--slots", "1", "--fresh", "--core-output", mode];
    const run = await workspace.run(args);
    assert.equal(run.code, 0, run.stderr);
    return run.stderr;
  };
  assert.match(await linesWith("show"), /^core: unloaded$/m);
  assert.equal(await linesWith("off"), "");
  assert.equal(await linesWith("keep"), "");
  const kept = await readFile(workspace.at("outputs/.distcomp/core-output"), "utf8");
  assert.equal(kept, "loading a model\nunloaded\n");
});

test("a core that refuses to load says why in the run's error", async () => {
  await using workspace = await Workspace.make();
  const run = await workspace.run(["run", REFUSES, "--repeat", "1", "--slots", "1"]);
  assert.equal(run.code, 3, run.stderr);
  assert.match(run.stderr, /worker_init returned 5 \(loading a model\)/);
});

test("a job that prints too much has lines left out, which are counted", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("lines", "loud\n");
  const args = ["--lines", "lines", "--slots", "1", "--core-output", "keep"];
  const run = await workspace.run(["run", PRINTS, ...args]);
  assert.equal(run.code, 0, run.stderr);
  const kept = await readFile(workspace.at("outputs/.distcomp/output/000000"), "utf8");
  const leftOut = [...kept.matchAll(/^… ([\d,]+) lines? left out here$/gm)]
    .reduce((sum, [, count = ""]) => sum + Number(count.replaceAll(",", "")), 0);
  const lines = kept.split("\n").filter((line) => /line \d{44}$/.test(line)).length;
  assert(leftOut > 5_000 && lines > 10_000, `${lines} lines, ${leftOut} left out`);
  assert.equal(lines + leftOut, 30_000);
});
