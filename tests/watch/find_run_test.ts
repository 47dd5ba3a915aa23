/** Finds the run that belongs to an output folder, whatever is in the place of its lock. */

import assert from "node:assert/strict";
import { findRun } from "../../watch/find_run.ts";
import { MemoryDisk } from "../lib/memory_files.ts";
import { test } from "../lib/test.ts";

test("a damaged lock is called that, and no process or machine is made up", async () => {
  for (const text of ["", "{", '{"pid":"x"}', '{"pid":7}', "null"]) {
    const { files } = new MemoryDisk();
    await files.makeFolder("/out/.distcomp");
    await files.create("/out/.distcomp/lock", text);
    const found = await findRun(files, "/out/.distcomp", 0);
    assert.deepEqual(found, {
      kind: "unreachable",
      reason: 'its lock "/out/.distcomp/lock" is damaged; if no run goes on there, delete the lock',
    });
  }
});
