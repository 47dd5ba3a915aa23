/** A core that uses up its stack is told from one that accesses a bad address. */

import assert from "node:assert/strict";
import process from "node:process";
import { core } from "../../../lib/cores.ts";
import { testUnless } from "../../../lib/test.ts";
import { Workspace } from "../../workspace.ts";

testUnless(
  process.platform === "linux" ? undefined : "only Linux tells where a process has crashed",
  "a stack overflow is named as one, and no other crash is",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.write("lines", "deep\nbad address\n");
    const path = await core("overflows");
    const run = await workspace.run(["run", path, "--lines", "lines", "--crash-limit", "1"]);
    assert.equal(run.code, 1);
    assert.match(run.stdout, /^ {2}000000 {2}crashed: SIG(SEGV|ABRT) \(stack overflow\)$/m);
    assert.match(run.stdout, /^ {2}000001 {2}crashed: SIGSEGV$/m);
  },
);

testUnless(
  process.platform === "linux" ? undefined : "only Linux tells where a process has crashed",
  "a core that handles crashes itself, and passes them on, ends by them",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.write("lines", "one\n");
    const path = await core("own_handler");
    // Without the limit on time, it would go on for ever if this fails.
    const limits = ["--crash-limit", "1", "--timeout", "30s"];
    const run = await workspace.run(["run", path, "--lines", "lines", ...limits]);
    assert.equal(run.code, 1);
    assert.match(run.stdout, /^ {2}0+ {2}crashed: SIG(SEGV|ABRT)$/m);
  },
);
