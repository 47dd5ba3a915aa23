/** Sweeps: `--param`, and tables. */

import assert from "node:assert/strict";
import { core } from "../../../lib/cores.ts";
import { test } from "../../../lib/test.ts";
import { SharedWorker } from "../../shared_worker.ts";
import { Workspace } from "../../workspace.ts";

const ECHO = await core("echo");
const WORKER = await SharedWorker.start(ECHO);

test("--param runs all combinations, names outputs by values, and more values run only new jobs", async () => {
  await using workspace = await Workspace.make(WORKER);
  const args = ["run", ECHO, "--param", "a=1,2", "--param", "b=x"];
  assert.match((await workspace.run(args)).stdout, /^2 jobs done/);
  assert.deepEqual(await workspace.outputs(), {
    "a=1,b=x": '{"a":1,"b":"x"}',
    "a=2,b=x": '{"a":2,"b":"x"}',
  });
  const more = await workspace.run(["run", ECHO, "--param", "a=0,1,2", "--param", "b=x"]);
  assert.match(more.stdout, /^3 jobs done in .* \(2 from earlier runs\)/);
  const [record] = await workspace.records();
  assert.deepEqual([record?.input, record?.line], ["a=1,b=x", '{"a":1,"b":"x"}']);
});

test("a table runs its rows wherever they stand, and may be used with --suffix", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.write("t.csv", "a,b\n1,x\n2,y\n");
  const args = ["run", ECHO, "--lines", "t.csv", "--suffix", ".txt"];
  assert.match((await workspace.run(args)).stdout, /^2 jobs done/);
  await workspace.write("t.csv", "a,b\n0,z\n2,y\n1,x\n");
  const again = await workspace.run(args);
  assert.match(again.stdout, /^3 jobs done in .* \(2 from earlier runs\)/);
  assert.deepEqual(await workspace.outputs(), {
    "a=0,b=z.txt": '{"a":0,"b":"z"}',
    "a=1,b=x.txt": '{"a":1,"b":"x"}',
    "a=2,b=y.txt": '{"a":2,"b":"y"}',
  });
});

test("a table with a bad row ends the run with the line, and what ran before is kept", async () => {
  await using workspace = await Workspace.make(WORKER);
  await workspace.write("t.csv", "a,b\n1\n");
  const run = await workspace.run(["run", ECHO, "--lines", "t.csv"]);
  assert.equal(run.code, 2);
  assert.match(
    run.stderr,
    /^distcomp: Cannot read the table "t\.csv": line 2 has 1 value, but the first line has 2$/m,
  );
});

test("parameters that make no sense are refused", async () => {
  await using workspace = await Workspace.make(WORKER);
  const refusals = [
    [["--param", "a"], '--param must be a name and values, such as a=1,2,3, not "a"'],
    [["--param", "a="], "--param must be a name and values"],
    [["--param", "a=1,,2"], '--param a has an empty value in "1,,2"; leave it out'],
    [["--param", "a=1,"], '--param a has an empty value in "1,"; leave it out'],
    [["--param", "a=1", "--param", "a=2"], "--param a is given twice"],
    [["--param", "a=1", "--repeat", "2"], "Choose one kind of inputs"],
  ] as const;
  const runs = await workspace.runEach(refusals, ([args]) => ["run", ECHO, ...args]);
  for (const [[, reason], run] of runs) {
    assert.equal(run.code, 2);
    assert(run.stderr.includes(reason), run.stderr);
  }
});
