/** `run --time-limit`. */

import assert from "node:assert/strict";
import { core } from "../lib/cores.ts";
import { test } from "../lib/test.ts";
import { Workspace } from "./workspace.ts";

test("a run with a time limit finishes running jobs, ends in time, and is resumed by its command", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("jobs", "sleep 100\n".repeat(60));
  const run = ["run", await core("behave"), "--lines", "jobs", "--slots", "1"];
  const first = await workspace.run([...run, "--time-limit", "3s"]);
  assert.equal(first.code, 4, first.stderr);
  assert.match(
    first.stderr,
    /^distcomp: The time limit is reached\nto resume: .* --time-limit 3s$/m,
  );
  const done = Object.keys(await workspace.outputs()).length;
  assert(done > 0 && done < 60, `${done} are done`);
  const second = await workspace.run(run);
  assert.equal(second.code, 0, second.stderr);
  const records = await workspace.records();
  assert.equal(new Set(records.map(({ index }) => index)).size, 60);
  assert.equal(records.length, 60, "nothing that was done runs again");
});

test("a run gives up jobs that its time is too short for", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("jobs", "spin\n");
  const { code, stderr } = await workspace.run(
    ["run", await core("behave"), "--lines", "jobs", "--slots", "1", "--time-limit", "2s"],
  );
  assert.equal(code, 4, stderr);
  assert.match(stderr, /the time limit of 2s is near: finishing 1 job\n/);
});
