/** How many workers may connect to a run that listens. */

import assert from "node:assert/strict";
import { workerLimits } from "../../../controller/workers/worker_admission.ts";
import { test } from "../../lib/test.ts";
import { systemOf } from "../../lib/made_up_system.ts";

/** A system that allows a process so many open files. */
function allowing(files: string) {
  const limits = `Max processes  63  63  processes\nMax open files  ${files}  524288  files\n`;
  return systemOf({ "/proc/self/limits": limits });
}

test("as many workers connect to a run as it may open files, less what it needs itself, and at most 4,096", () => {
  assert.equal(workerLimits(allowing("524288")).all, 4_096);
  assert.equal(workerLimits(allowing("unlimited")).all, 4_096);
  const { all, perHost } = workerLimits(allowing("1024"));
  assert.deepEqual([all, perHost], [768, 384]);
  assert.equal(workerLimits(systemOf({})).all, 768, "a system that does not say");
  assert.equal(workerLimits(allowing("64")).all, 8, "there is room for a few workers");
  assert.equal(workerLimits(allowing("1024"), { taken: 700 }).all, 68, "those that it dials count");
});

test("the limit of open files is named to those who are refused only if it is why", () => {
  assert.equal(workerLimits(allowing("1024")).filesMax, 1_024);
  assert.equal(workerLimits(allowing("524288")).filesMax, undefined);
});
