/** Repeated runs: finished jobs are skipped, and jobs whose input or core has changed run again. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile, rm, stat, symlink, truncate, utimes } from "node:fs/promises";
import { core } from "../../../lib/cores.ts";
import { programTest, test } from "../../../lib/test.ts";
import { SharedWorker } from "../../shared_worker.ts";
import { type Ended, Workspace } from "../../workspace.ts";

const ECHO = await core("echo");
const BEHAVE = await core("behave");
const ANOTHER = await core("version_stamp", { STAMP: '"another"' });
const WORKER = await SharedWorker.start(BEHAVE, 1);

test("repeating a complete run runs no job, and counts all jobs", async () => {
  await using workspace = await counting(5);
  await runs(workspace, [], "5 jobs done in", [1, 1, 1, 1, 1]);
  const again = await runs(workspace, [], "nothing to do", [1, 1, 1, 1, 1]);
  const nothing = "nothing to do: all 5 jobs finished in earlier runs, outputs in outputs\n";
  assert.equal(again.stdout, nothing);
  assert.equal(again.stderr, "earlier runs: 5 jobs done\n");
  assert.equal((await workspace.records()).length, 5);
});

test("--quiet prints nothing about earlier runs, and --json counts their jobs", async () => {
  await using workspace = await counting(3);
  await workspace.run(["run", BEHAVE, "in"]);
  const quiet = await workspace.run(["run", BEHAVE, "in", "--quiet"]);
  assert.deepEqual(quiet, { code: 0, stdout: "", stderr: "" });
  await workspace.write("in/more", "echo more");
  const { stdout } = await workspace.run(["run", BEHAVE, "in", "--quiet", "--json"]);
  const { jobs, done, failed, resumed, failedBefore, bytesOut } = JSON.parse(stdout);
  assert.deepEqual([jobs, done, failed, resumed, failedBefore, bytesOut], [4, 4, 0, 3, 0, 4]);
});

test("only inputs whose size or time has changed run again", async () => {
  await using workspace = await counting(4);
  await runs(workspace, [], "4 jobs done", [1, 1, 1, 1]);
  await utimes(workspace.at("in/1"), new Date(), new Date(1_600_000_000_000));
  const { atime, mtime } = await stat(workspace.at("in/2"));
  await workspace.write("in/2", `count ${workspace.at("runs/2")}\nlonger`);
  await utimes(workspace.at("in/2"), atime, mtime);
  await runs(workspace, [], "4 jobs done in .* \\(2 from earlier runs\\)", [1, 2, 2, 1]);
  await runs(workspace, [], "nothing to do: all 4 jobs finished in earlier runs", [1, 2, 2, 1]);
});

test("a job whose output is missing, has another size, or is not a file runs again", async () => {
  await using workspace = await counting(4);
  await runs(workspace, [], "4 jobs done", [1, 1, 1, 1]);
  await rm(workspace.at("outputs/0"));
  await truncate(workspace.at("outputs/1"), 3);
  await rm(workspace.at("outputs/2"));
  await symlink("../outputs/3", workspace.at("outputs/2"));
  await runs(workspace, [], "4 jobs done in .* \\(1 from earlier runs\\)", [2, 2, 2, 1]);
  assert.deepEqual(await workspace.outputs(), outputsOf(4));
});

test("another core reruns all jobs, and so does the first core after it", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "in/a": "1", "in/b": "2" });
  await workspace.run(["run", ECHO, "in"]);
  const other = await workspace.run(["run", ANOTHER, "in"]);
  assert.equal(
    other.stderr,
    "the core, its files or its variables have changed: rerunning all jobs " +
      "(--keep-done would keep those that are done)\n",
  );
  assert.deepEqual(await workspace.outputs(), { a: "another", b: "another" });
  await workspace.run(["run", ECHO, "in"]);
  assert.deepEqual(await workspace.outputs(), { a: "1", b: "2" });
  const again = await workspace.run(["run", ECHO, "in"]);
  assert.match(again.stdout, /^nothing to do: all 2 jobs finished in earlier runs/);
});

test("another folder's inputs with the same names, sizes and times run", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "x/a": "1", "y/a": "2" });
  for (const folder of ["x", "y"]) {
    await utimes(workspace.at(`${folder}/a`), new Date(0), new Date(1_000_000));
    await workspace.run(["run", ECHO, folder]);
  }
  assert.deepEqual(await workspace.outputs(), { a: "2" });
  const again = await workspace.run(["run", ECHO, "./y/"]);
  assert.match(again.stdout, /^nothing to do/, "however the folder is written");
});

test("--fresh discards the journal and runs all jobs", async () => {
  await using workspace = await counting(3);
  await runs(workspace, [], "3 jobs done", [1, 1, 1]);
  const fresh = await runs(workspace, ["--fresh"], "3 jobs done in", [2, 2, 2]);
  assert.equal(fresh.stderr, "");
  assert.doesNotMatch(fresh.stdout, /earlier/);
  assert.equal((await workspace.records()).length, 3);
  await runs(workspace, [], "nothing to do: all 3 jobs finished in earlier runs", [2, 2, 2]);
});

test("a failed job stays failed, with its reason, until --retry-failed", async () => {
  await using workspace = await counting(2);
  // It crashes each time, because a crash does not count while other jobs were in the same slot.
  const failing = `die-without ${workspace.at("cure")}`;
  await workspace.writeAll({ "in/fails": "code 3 bad luck", "in/once": failing });
  const once = ["--crash-limit", "1"];
  const first = await workspace.run(["run", BEHAVE, "in", ...once]);
  assert.match(first.stdout, /^2 of 4 jobs done, 2 failed/);
  const again = await workspace.run(["run", BEHAVE, "in", ...once]);
  assert.equal(again.code, 1);
  const hint = "(retry with --retry-failed)";
  assert.equal(again.stderr, `earlier runs: 2 jobs done, 2 failed ${hint}\n`);
  assert.match(again.stdout, /^nothing to do: of 4 jobs, 2 finished and 2 failed in earlier runs/);
  assert.match(again.stdout, /^ {2}fails {2}exit code 3: bad luck$/m);
  assert.match(again.stdout, /^ {2}once {3}.*SIGSEGV/m);
  assert.match(again.stdout, /^ {2}\(2 failed in an earlier run\)$/m);
  assert.match(again.stdout, /^repeat the command with --retry-failed to retry /m);
  assert.equal((await workspace.records()).length, 4, "nothing has run");
  await workspace.write("cure", "");
  const retried = await workspace.run(["run", BEHAVE, "in", ...once, "--retry-failed"]);
  assert.equal(retried.stderr, "earlier runs: 2 jobs done, 2 failed (retrying)\n");
  assert.match(retried.stdout, /^3 of 4 jobs done \(2 from earlier runs\), 1 failed, in /);
  assert.deepEqual(await workspace.outputs(), { ...outputsOf(2), once: "survived" });
  const last = await workspace.run(["run", BEHAVE, "in", ...once]);
  assert.match(last.stdout, /^nothing to do: of 4 jobs, 3 finished and 1 failed in earlier runs/);
});

test("a failed job runs again if its input has changed, or if it has an output", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "in/a": "code 3 bad", "in/b": `die-once ${workspace.at("died")}` });
  await workspace.run(["run", BEHAVE, "in"]);
  await workspace.writeAll({ "in/a": "echo well", "outputs/b": "whose?" });
  const run = await workspace.run(["run", BEHAVE, "in"]);
  assert.equal(run.code, 0, run.stdout);
  assert.deepEqual(await workspace.outputs(), { a: "well", b: "survived" });
});

test("inputs that could not be read, or had the output of another, are tried again", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "in/a": "1", "other/a": "2" });
  await symlink("../late", workspace.at("in/late"));
  const args = ["run", ECHO, "in", "other"];
  assert.equal((await workspace.run(args)).code, 1);
  await workspace.write("late", "3");
  const run = await workspace.run(args);
  assert.equal(run.code, 1);
  assert.match(run.stdout, /^2 of 3 jobs done \(1 from earlier runs\), 1 failed, /);
  assert.match(
    run.stdout,
    /^ {2}a {2}another input has the same output; name a folder that has both, or run /m,
  );
  const advice = /\nrepeat (the|its) command once this input can be used\n$/;
  assert.match(run.stdout, advice);
  assert.match((await workspace.run(["status", "outputs"])).stdout, advice);
  assert.deepEqual(await workspace.outputs(), { a: "1", late: "3" });
});

test("a line that is inserted, changed or moved reruns no other line", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.write("lines", "echo one\necho two\necho three\n");
  const args = ["run", BEHAVE, "--lines", "lines"];
  await workspace.run(args);
  await workspace.write("lines", "echo one\necho 2nd\necho three\necho four\n");
  const run = await workspace.run(args);
  assert.match(run.stdout, /^4 jobs done in .* \(2 from earlier runs\)/);
  const outputs = { "000000": "one", "000001": "2nd", "000002": "three", "000003": "four" };
  assert.deepEqual(await workspace.outputs(), outputs);
  await workspace.write("lines", "echo new\necho three\necho one\necho 2nd\necho four\necho one\n");
  const moved = await workspace.run(args);
  assert.match(moved.stdout, /^6 jobs done in .* \(4 from earlier runs\)/);
  // The new lines have free numbers: the first place is that of "one", the last place is free.
  const all = { ...outputs, "000005": "one", "000006": "new" };
  assert.deepEqual(await workspace.outputs(), all);
  const lines = (await workspace.records()).map(({ input, line }) => [input, line]);
  assert.deepEqual(lines.filter(([input]) => input === "000006"), [["000006", "echo new"]]);
  assert.match((await workspace.run(args)).stdout, /^nothing to do: all 6 jobs/);
  const stdin = "echo piped\necho one\n";
  const piped = await workspace.run(["run", BEHAVE, "--lines", "-"], { stdin });
  assert.match(piped.stdout, /^2 jobs done in .* \(1 from earlier runs\)/);
  assert.deepEqual(await workspace.outputs(), { ...all, "000007": "piped" });
});

test("a larger --repeat runs only the new jobs", async () => {
  await using workspace = await Workspace.makeInMemory();
  await workspace.run(["run", ECHO, "--repeat", "1000"]);
  const run = await workspace.run(["run", ECHO, "--repeat", "1500"]);
  assert.match(run.stdout, /^1,500 jobs done in .* \(1,000 from earlier runs\)/);
  const names = Array.from({ length: 1500 }, (_, index) => String(index));
  const outputs = names.map((name) => [name.padStart(6, "0"), name]);
  assert.deepEqual(await workspace.outputs(), Object.fromEntries(outputs));
});

programTest("a run with a list on stdin is resumed", async () => {
  await using workspace = await counting(3);
  const list = { stdin: "in/0\nin/1\nin/2\n" };
  await workspace.run(["run", BEHAVE, "-"], { stdin: "in/0\nin/1\n" });
  const run = await workspace.run(["run", BEHAVE, "-"], list);
  assert.match(run.stdout, /^3 jobs done in .* \(2 from earlier runs\)/);
  assert.deepEqual(await executions(workspace, 3), [1, 1, 1]);
});

test("each record has its version, its input's identity and the core's SHA-256", async () => {
  await using workspace = await Workspace.make(WORKER);
  const path = await workspace.write("in/a", "echo four");
  await utimes(path, new Date(), new Date(1_700_000_000_123));
  await workspace.run(["run", BEHAVE, "in"]);
  const [record] = await workspace.records();
  assert.equal(record?.v, 1);
  assert.match(record?.identity ?? "", /^file-9-1700000000123-[0-9a-f]{8}-\d+\.\d{9}$/);
  assert.equal(record?.core, await sha256(BEHAVE));
});

/** Jobs of which each notes that it runs, in a file of its own. */
async function counting(jobs: number): Promise<Workspace> {
  const workspace = await Workspace.make(WORKER);
  await workspace.write("runs/.keep", "");
  for (let index = 0; index < jobs; index++) {
    await workspace.write(`in/${index}`, `count ${workspace.at(`runs/${index}`)}`);
  }
  return workspace;
}

/** Runs them, and sees how it ends and how often each has run by then. */
async function runs(
  workspace: Workspace,
  args: readonly string[],
  headline: string,
  times: readonly number[],
): Promise<Ended> {
  const run = await workspace.run(["run", BEHAVE, "in", ...args]);
  assert.equal(run.code, 0, run.stderr + run.stdout);
  assert.match(run.stdout, new RegExp(`^${headline}`));
  assert.deepEqual(await executions(workspace, times.length), times);
  assert.deepEqual(await workspace.leftovers(), []);
  return run;
}

async function executions(workspace: Workspace, jobs: number): Promise<number[]> {
  return await Promise.all(Array.from({ length: jobs }, async (_, index) => {
    const text = await readFile(workspace.at(`runs/${index}`), "utf8").catch(() => "");
    return text.split("\n").length - 1;
  }));
}

function outputsOf(jobs: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: jobs }, (_, index) => [index, "counted"]));
}

async function sha256(path: string): Promise<string> {
  return createHash("sha256").update(await readFile(path)).digest("hex");
}
