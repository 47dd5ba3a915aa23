/** `deno task test` itself. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { stripVTControlCharacters } from "node:util";
import { ROOT } from "./lib/sources.ts";
import { testUnless } from "./lib/test.ts";

const NOT_ON_DENO = process.versions["deno"] ? undefined : "this runner is for Deno";

testUnless(NOT_ON_DENO, "tests are counted also where Deno colors what it prints", () => {
  const env = { ...process.env, NO_COLOR: "" }; // as if it were not set
  const args = [
    "run",
    "-A",
    "--quiet",
    "tests/run.ts",
    "--no-check",
    "tests/system/groups_test.ts",
  ];
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: ROOT, env });
  const last = stripVTControlCharacters(stdout.toString()).trimEnd().split("\n").at(-1) ?? "";
  assert.match(last, /^ok \| [1-9]\d* passed \| 0 failed \|/);
  assert.equal(status, 0);
});
