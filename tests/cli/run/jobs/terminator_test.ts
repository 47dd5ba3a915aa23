/** What a core sees behind its input: a zero byte, and nothing of other jobs. */

import assert from "node:assert/strict";
import { core } from "../../../lib/cores.ts";
import { test } from "../../../lib/test.ts";
import { Workspace } from "../../workspace.ts";

const READS_BEYOND = await core("reads_beyond");

test("a core that takes its input for a string sees the bytes of no other job", async () => {
  await using workspace = await Workspace.make();
  const lines = ["a long line, the first", "ab", "", "c", "!x", "de", "x".repeat(3_000), "f", "gh"];
  await workspace.write("lines.txt", lines.map((line) => `${line}\n`).join(""));
  const run = await workspace.run([
    ...["run", READS_BEYOND, "--lines", "lines.txt", "--slots", "1"],
  ]);
  assert.equal(run.code, 0, run.stderr);
  const expected = lines.map((line) => `${line.slice(0, 40)}|${line.length}|0`);
  assert.deepEqual(Object.values(await workspace.outputs()), expected);
});
