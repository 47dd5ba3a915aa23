/** `distcomp run` never overwrites inputs, and keeps the outputs of inputs that are temporarily missing. */

import assert from "node:assert/strict";
import { mkdir, rename, symlink } from "node:fs/promises";
import { core } from "../../../lib/cores.ts";
import { programTest, test } from "../../../lib/test.ts";
import { SharedWorker } from "../../shared_worker.ts";
import { type JobRecord, Workspace } from "../../workspace.ts";

const ECHO = await core("echo");
const BEHAVE = await core("behave");
const WORKER = await SharedWorker.start(ECHO);

programTest(
  "an input that is temporarily missing keeps its output from an earlier run",
  async () => {
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
  },
);

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

const ITSELF = "its output would overwrite it; choose another folder with -o";
const OTHER = "its output would overwrite another input; choose another folder with -o";
const LINK = "it is a link to the output of another input; choose another folder with -o";

test("no output replaces the file that a link among the inputs leads to", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "in/c": "new", "out/a": "kept", "out/c": "old", "out/free": "free" });
  const links = { a: "../out/a", b: "../out/c", d: "../out/free" };
  for (const [name, target] of Object.entries(links)) {
    await symlink(target, workspace.at(`in/${name}`));
  }
  for (const _ of ["first", "again"]) {
    const run = await workspace.run(["run", ECHO, "in", "-o", "out"]);
    assert.equal(run.code, 1);
    assert.deepEqual(failuresOf(await workspace.records("out")), { a: ITSELF, b: LINK });
    assert.deepEqual(await workspace.outputs("out"), {
      ...{ a: "kept", c: "new", d: "free", free: "free" },
    });
  }
});

programTest(
  "no output replaces the file that a link in a list leads to, whichever is listed first",
  async () => {
    const kept = { "in/a": "kept", "in/c": "kept" };
    const cases = [
      { list: ["in/a", "in/b", "in/c"], failures: { "in/a": ITSELF, "in/c": OTHER } },
      { list: ["in/c", "in/b", "in/a"], failures: { "in/a": ITSELF, "in/b": LINK } },
    ];
    for (const { list, failures } of cases) {
      await using workspace = await Workspace.make(WORKER);
      await workspace.writeAll({ "in/c": "new", "out/in/a": "kept", "out/in/c": "kept" });
      await symlink("../out/in/a", workspace.at("in/a"));
      await symlink("../out/in/c", workspace.at("in/b"));
      const run = await workspace.run(["run", ECHO, "-", "-o", "out"], { stdin: list.join("\n") });
      assert.equal(run.code, 1);
      assert.deepEqual(failuresOf(await workspace.records("out")), failures);
      const made = "in/b" in failures ? { "in/c": "new" } : { "in/b": "kept" };
      assert.deepEqual(await workspace.outputs("out"), { ...kept, ...made });
    }
  },
);

test("a link to an output that is still to be made, in this folder or a new one, is refused", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "in/a": "1", "in/sub/b": "2" });
  await symlink(".", workspace.at("here"));
  await symlink(workspace.at("here/out/a"), workspace.at("in/y"));
  await symlink("../out/sub/b", workspace.at("in/z"));
  await symlink("../out/elsewhere", workspace.at("in/none"));
  for (const _ of ["first", "again"]) {
    const run = await workspace.run(["run", ECHO, "in", "-o", "out"]);
    assert.equal(run.code, 1);
    const none = 'cannot read "in/none": no such file or folder';
    assert.deepEqual(failuresOf(await workspace.records("out")), { none, y: LINK, z: LINK });
    assert.deepEqual(await workspace.outputs("out"), { a: "1", "sub/b": "2" });
  }
});

test("no output replaces a link through which another input leads", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "in/b": "new", "in/d": "new", "data/x": "kept" });
  await mkdir(workspace.at("out"));
  await symlink("../data/x", workspace.at("out/b"));
  await symlink("../out/b", workspace.at("in/a"));
  await symlink("../data/x", workspace.at("out/d"));
  await symlink("d", workspace.at("out/c"));
  await symlink("../out/c", workspace.at("in/c"));
  const run = await workspace.run(["run", ECHO, "in", "-o", "out"]);
  assert.equal(run.code, 1);
  assert.deepEqual(failuresOf(await workspace.records("out")), { a: LINK, c: ITSELF });
});

test("no output replaces a link through which a file that is named leads", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "in/b": "new", "data/x": "kept" });
  await mkdir(workspace.at("out"));
  await symlink("../data/x", workspace.at("out/b"));
  await symlink("../out/b", workspace.at("in/a"));
  const run = await workspace.run(["run", ECHO, "in/a", "in/b", "-o", "out"]);
  assert.equal(run.code, 1);
  assert.deepEqual(failuresOf(await workspace.records("out")), { b: OTHER });
});

/** The errors of the jobs that have failed, by their names. */
function failuresOf(records: readonly JobRecord[]): Record<string, string | undefined> {
  const failed = records.filter(({ state }) => state === "failed");
  return Object.fromEntries(failed.map(({ input, error }) => [input, error]));
}

programTest("outputs of earlier runs that find lists are not used as inputs", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.writeAll({ "1.dat": "1", "deep/2.dat": "2" });
  const outputs = { "1.dat": "1", "deep/2.dat": "2" };
  for (const listed of ["", "./outputs/1.dat\n./outputs/deep/2.dat\n"]) {
    const stdin = `./1.dat\n./deep/2.dat\n${listed}`;
    const run = await workspace.run(["run", ECHO, "-"], { stdin });
    assert.equal(run.code, 0, run.stdout);
    assert.match(run.stdout, listed === "" ? /^2 jobs done/ : /^nothing to do: all 2 jobs/);
    const warning =
      'skipping "./outputs/1.dat": listed outputs, and other files of the run, are skipped';
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
