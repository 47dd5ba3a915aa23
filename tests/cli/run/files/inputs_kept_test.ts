/** `distcomp run` never overwrites inputs, and keeps the outputs of inputs that are temporarily missing. */

import assert from "node:assert/strict";
import { rename } from "node:fs/promises";
import { core } from "../../../lib/cores.ts";
import { test } from "../../../lib/test.ts";
import { SharedWorker } from "../../shared_worker.ts";
import { Workspace } from "../../workspace.ts";

const ECHO = await core("echo");
const BEHAVE = await core("behave");
const WORKER = await SharedWorker.start(ECHO);

test("an input that is temporarily missing keeps its output from an earlier run", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "mnt/a": "1", "mnt/b": "2" });
  const [list, args] = ["mnt/a\nmnt/b\n", ["run", ECHO, "-"]];
  assert.equal((await workspace.run(args, { stdin: list })).code, 0);
  await rename(workspace.at("mnt"), workspace.at("away"));
  const run = await workspace.run(args, { stdin: list });
  assert.equal(run.code, 1);
  assert.match(run.stdout, /cannot read "mnt\/a": no such file or folder/);
  assert.deepEqual(await workspace.outputs(), { "mnt/a": "1", "mnt/b": "2" });
  await rename(workspace.at("away"), workspace.at("mnt"));
  const again = await workspace.run(args, { stdin: list });
  assert.match(again.stdout, /^nothing to do: all 2 jobs finished/);
});

test("no output replaces an input, and no failed job removes one", async () => {
  await using workspace = await Workspace.make(WORKER);
  const inputs = {
    "data/x": "echo 1",
    "data/y": "echo 2",
    "data/data/x": "echo two",
    "data/data/y": "code 4",
  };
  await workspace.writeAll(inputs);
  const run = await workspace.run(["run", BEHAVE, "data", "-o", "."]);
  assert.equal(run.code, 1);
  assert.match(run.stdout, /data\/x {2}its output would overwrite another input; choose another/);
  assert.deepEqual(await workspace.outputs("."), { ...inputs, x: "1", y: "2" });
});

test("outputs of earlier runs that find lists are not used as inputs", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "1.dat": "1", "deep/2.dat": "2" });
  const outputs = { "1.dat": "1", "deep/2.dat": "2" };
  for (const listed of ["", "./outputs/1.dat\n./outputs/deep/2.dat\n"]) {
    const stdin = `./1.dat\n./deep/2.dat\n${listed}`;
    const run = await workspace.run(["run", ECHO, "-"], { stdin });
    assert.equal(run.code, 0, run.stdout);
    assert.match(run.stdout, listed === "" ? /^2 jobs done/ : /^nothing to do: all 2 jobs/);
    const warning = 'skipping "./outputs/1.dat": listed paths inside the output folder are skipped';
    assert.equal(run.stderr.includes(warning), listed !== "");
    assert.deepEqual(await workspace.outputs(), outputs);
  }
});

test("an output folder can be the inputs of another run, without distcomp's own files", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "in/a": "1", "in/b": "2" });
  for (const [inputs, outputs] of [["in", "one"], ["one", "two"]] as const) {
    const run = await workspace.run(["run", ECHO, inputs, "-o", outputs]);
    assert.equal(run.code, 0, run.stdout);
    assert.deepEqual(await workspace.outputs(outputs), { a: "1", b: "2" });
  }
});

test("a file of lines may be in the output folder, if no output replaces it", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "out/list.txt": "1\n2\n", "out/0": "1\n" });
  const run = await workspace.run(["run", ECHO, "--lines", "out/list.txt", "-o", "out"]);
  assert.equal(run.code, 0, run.stderr);
  const refused = await workspace.run(["run", ECHO, "--lines", "out/0", "-o", "out"]);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /^distcomp: Cannot use "out\/0": an output would overwrite it;/);
});
