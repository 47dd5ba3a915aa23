/** What workers in a batch system have logged. */

import assert from "node:assert/strict";
import { utimes } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { batchLogFolder, lastLogged } from "../../up/batch_logs.ts";
import { Workspace } from "../cli/workspace.ts";
import { test } from "../lib/test.ts";

test("the newest log says why workers end at once, and older ones say nothing", async () => {
  await using workspace = await Workspace.make();
  const folder = workspace.at("jobs");
  assert.equal(await lastLogged(folder, 0), undefined);
  const logs: [string, string, number][] = [
    ["7_1", 'two lines\nthere is no "/opt/distcomp" on node7\n', 2_000],
    ["7_2", "", 3_000],
    ["6_1", "another one\n", 1_000],
  ];
  for (const [name, text, seconds] of logs) {
    await utimes(await workspace.write(`jobs/${name}`, text), seconds, seconds);
  }
  assert.equal(await lastLogged(folder, 1_500_000), 'there is no "/opt/distcomp" on node7');
  assert.equal(await lastLogged(folder, 2_500_000), undefined);
});

test("logs are in the user's cache", () => {
  assert.equal(batchLogFolder({ XDG_CACHE_HOME: "/c" }), "/c/distcomp/jobs");
  assert.equal(batchLogFolder({}), join(homedir(), ".cache/distcomp/jobs"));
});
