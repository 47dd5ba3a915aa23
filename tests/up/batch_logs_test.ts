/** What workers in a batch system have logged. */

import assert from "node:assert/strict";
import { homedir } from "node:os";
import { join } from "node:path";
import { batchLogFolder, lastLogged } from "../../up/batch_logs.ts";
import { Workspace } from "../cli/workspace.ts";
import { test } from "../lib/test.ts";

test("the last log of the jobs that have failed says why, and those of other jobs say nothing", async () => {
  await using workspace = await Workspace.make();
  const folder = workspace.at("jobs");
  assert.equal(await lastLogged(folder, ["7_1"]), undefined);
  await workspace.writeAll({
    "jobs/7_1": 'two lines\nthere is no "/opt/distcomp" on node7\n',
    "jobs/7_2": "",
    "jobs/8_1": "another one\n",
  });
  assert.equal(await lastLogged(folder, ["7_1", "7_2"]), 'there is no "/opt/distcomp" on node7');
  assert.equal(await lastLogged(folder, ["8_1;west"]), "another one", "on another cluster");
  assert.equal(await lastLogged(folder, ["7_2"]), undefined);
});

test("logs are in the user's cache, if there is a home", async () => {
  assert.equal(batchLogFolder({ XDG_CACHE_HOME: "/c" }), "/c/distcomp/jobs");
  assert.equal(batchLogFolder({}), join(homedir(), ".cache/distcomp/jobs"));
  assert.equal(batchLogFolder({}, () => ""), undefined);
  assert.equal(await lastLogged(undefined, ["7_1"]), undefined);
});
