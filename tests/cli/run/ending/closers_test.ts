/** What a run has opened is closed when it ends, whatever fails, and the run's own error is the one that is shown. */

import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { Closers } from "../../../../cli/run/closers.ts";
import { core } from "../../../lib/cores.ts";
import { test } from "../../../lib/test.ts";
import { Workspace } from "../../workspace.ts";

test("what cannot be closed keeps nothing else open, and the last is closed first", async () => {
  const closers = new Closers();
  const closed: number[] = [];
  const [late, early] = [new Error("late"), new Error("early")];
  for (const number of [1, 2, 3, 4]) {
    closers.add(() => {
      closed.push(number);
      if (number === 3) throw late;
      return number === 2 ? Promise.reject(early) : undefined;
    });
  }
  assert.deepEqual(await closers.close(), [late, early]);
  assert.deepEqual(closed, [4, 3, 2, 1]);
  assert.deepEqual(await closers.close(), [], "all is closed");
});

test("a run whose lock cannot be released shows its summary, and its own error first", async () => {
  await using workspace = await Workspace.make();
  const lock = workspace.at("outputs/.distcomp/lock");
  await workspace.write("lines", `rm ${lock}; mkdir ${lock}; exit 3\n`);
  const args = ["run", await core("shell"), "--lines", "lines"];
  const problem = 'Cannot release the lock "outputs/.distcomp/lock": it is not a file';
  const failed = await workspace.run([...args, "--max-failures", "0"]);
  assert.equal(failed.code, 1);
  assert.match(failed.stderr, /^distcomp: 1 of 1 jobs failed, more than --max-failures 0 allows$/m);
  assert(failed.stderr.includes(`warning: and then: ${problem}\n`), failed.stderr);
  await rm(lock, { recursive: true });
  const ended = await workspace.run([...args, "--fresh"]);
  assert.equal(ended.code, 2);
  assert.match(ended.stdout, /^0 of 1 job done, 1 failed/);
  assert(ended.stderr.includes(`distcomp: ${problem}\n`), ended.stderr);
});
