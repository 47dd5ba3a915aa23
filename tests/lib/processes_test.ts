/** Programs in tests: what becomes of them when a test has failed. */

import assert from "node:assert/strict";
import { Gate } from "../cli/gate.ts";
import { Workspace } from "../cli/workspace.ts";
import { core } from "./cores.ts";
import type { Program } from "./processes.ts";
import { test } from "./test.ts";

test("a test that fails while its run waits for a job does not wait for that, and is told how the run ended", async () => {
  await using workspace = await Workspace.make();
  const gate = new Gate(workspace);
  await workspace.write("in/a", gate.job);
  const args = ["run", await core("behave"), "in", "--slots", "1"];
  let left: Program | undefined;
  const fails = async () => {
    await using run = left = await workspace.start(args);
    await gate.reachedBy(1);
    assert(run.stdout.length > 0, "the reason");
  };
  await assert.rejects(
    fails,
    ({ suppressed }: SuppressedError) => suppressed.message === "the reason",
  );
  assert(left);
  assert.deepEqual(await left.exited, { code: 130, signal: null });
  assert.match(left.stderr, /stopping at once: 1 running job will run again/);
});
