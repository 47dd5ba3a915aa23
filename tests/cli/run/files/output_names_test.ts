/** Outputs whose names are not those of their inputs: `--suffix` and `--name`. */

import assert from "node:assert/strict";
import { core } from "../../../lib/cores.ts";
import { test } from "../../../lib/test.ts";
import { SharedWorker } from "../../shared_worker.ts";
import { Workspace } from "../../workspace.ts";

const ECHO = await core("echo");
const BEHAVE = await core("behave");
const WORKER = await SharedWorker.start(ECHO);

test("outputs get a suffix, or names by a template, and a repeated run finds them", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "in/a.dat": "1", "in/b/c.dat": "2" });
  for (
    const [option, outputs] of [
      [["--suffix", ".txt"], { "a.dat.txt": "1", "b/c.dat.txt": "2" }],
      [["--name", "{stem}.png"], { "a.png": "1", "b/c.png": "2" }],
    ] as const
  ) {
    const args = ["run", ECHO, "in", "-o", option[0].slice(2), ...option];
    assert.equal((await workspace.run(args)).code, 0);
    assert.deepEqual(await workspace.outputs(option[0].slice(2)), outputs);
    assert.match((await workspace.run(args)).stdout, /^nothing to do: all 2 jobs/);
  }
  const [record] = await workspace.records("name");
  assert.deepEqual([record?.input, record?.file], ["a.png", "in/a.dat"]);
});

test("with other names, jobs run again and older outputs stay", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.write("in/a", "1");
  await workspace.run(["run", ECHO, "in"]);
  const run = await workspace.run(["run", ECHO, "in", "--suffix", ".txt"]);
  assert.match(run.stdout, /^1 job done in \S+, /);
  assert.deepEqual(await workspace.outputs(), { "a": "1", "a.txt": "1" });
});

test("failed jobs with other names are retried", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.write("in/a.x", "exit 3");
  const args = ["run", BEHAVE, "in", "--name", "{stem}.y"];
  assert.match((await workspace.run(args)).stdout, /^ {2}a\.y {2}/m);
  assert.match((await workspace.run(args)).stdout, /with --retry-failed/);
  const retried = await workspace.run([...args, "--retry-failed"]);
  assert.match(retried.stdout, /^failed attempts: 3 crashes$/m);
});

test("two inputs whose outputs get one name: the second one fails, or both are refused if they are named", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "in/a.jpg": "1", "in/a.png": "2", "in/b.png": "3" });
  const run = await workspace.run(["run", ECHO, "in", "--name", "{stem}.txt"]);
  assert.equal(run.code, 1);
  assert.match(
    run.stdout,
    /^ {2}a\.txt {2}another input has the same output; use \{name\} instead of \{stem\} in --name$/m,
  );
  assert.match(run.stdout, /\nrepeat the command once this input can be used\n$/);
  assert.deepEqual(await workspace.outputs(), { "a.txt": "1", "b.txt": "3" });
  const named = ["in/a.jpg", "in/a.png", "--name", "{stem}.txt", "-o", "other"];
  const refused = await workspace.run(["run", ECHO, ...named]);
  assert.equal(refused.code, 2);
  assert.match(
    refused.stderr,
    /"in\/a\.jpg" and "in\/a\.png" have the same output, "a\.txt"; use \{name\}/,
  );
});

test("outputs with a suffix may lie beside their inputs, and an input is never replaced", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "a": "1", "a.txt": "2" });
  const beside = await workspace.run(["run", ECHO, "a.txt", "-o", ".", "--suffix", ".out"]);
  assert.equal(beside.code, 0, beside.stderr);
  const over = await workspace.run(["run", ECHO, "a", "a.txt", "-o", ".", "--suffix", ".txt"]);
  assert.match(over.stdout, /^ {2}a\.txt {2}its output would overwrite another input/m);
  const { a, "a.txt": other, "a.txt.out": output } = await workspace.outputs(".");
  assert.deepEqual([a, other, output], ["1", "2", "2"]);
});

test("names that lead out of the output folder fail, and impossible templates are refused", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "in/..x": "1", "in/b": "2" });
  const run = await workspace.run(["run", ECHO, "in", "--name", "{stem}"]);
  assert.equal(run.code, 1);
  assert.match(run.stdout, /its output cannot be called "\."; choose another --name/);
  assert.deepEqual(await workspace.outputs(), { b: "2" });
  for (
    const [args, reason] of [
      [["--name", "../{stem}"], "leads out of the output folder"],
      [["--name", "x"], "gives all outputs one name"],
      [["--name", "{stem}", "--suffix", ".x"], "Choose one of --suffix and --name"],
      [["--suffix", "/x"], "--suffix must be the end of a file name"],
    ] as const
  ) {
    const refused = await workspace.run(["run", ECHO, "in", ...args]);
    assert.equal(refused.code, 2);
    assert(refused.stderr.includes(reason), refused.stderr);
  }
});
