/** `distcomp up ssh`, with a real sshd on this machine. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { core } from "../lib/cores.ts";
import { lacksSshd, Sshd } from "../lib/sshd.ts";
import { eventually, type Program } from "../lib/processes.ts";
import { slowTestUnless } from "../lib/test.ts";
import { Workspace } from "../cli/workspace.ts";

function test(name: string, body: (sshd: Sshd, workspace: Workspace) => Promise<void>): void {
  slowTestUnless(lacksSshd, name, async () => {
    await using sshd = await Sshd.start();
    await using workspace = await Workspace.make();
    await body(sshd, workspace);
    await sshd.isQuiet();
  });
}

test("workers of up ssh serve several runs without a key or a port", async (sshd, workspace) => {
  await workspace.writeAll({ "inputs/a": "one", "inputs/b": "two" });
  await using up = await started(sshd, workspace);
  const [, list = ""] = await up.printed("stdout", /--workers (@\S+)/);
  for (const output of ["first", "second"]) {
    const options = ["-w", list, "-o", output];
    const { code, stderr } = await workspace.run(["run", await core("echo"), "inputs", ...options]);
    assert.equal(code, 0, stderr);
    assert.deepEqual(await workspace.outputs(output), { a: "one", b: "two" });
  }
  up.signal("SIGINT");
  await up.endsCleanly();
});

test("workers of up ssh end after SIGKILL of up", async (sshd, workspace) => {
  await using up = await started(sshd, workspace);
  assert(sshd.running.length >= 4, "two workers and two slots");
  await up.kill();
  await sshd.isQuiet();
});

/** Starts two workers, and tries a third one in vain. */
async function started(sshd: Sshd, workspace: Workspace): Promise<Program> {
  const args = ["up", "ssh", "node1:1", "node2:1", "stranger", "--executable", sshd.executable];
  const up = await workspace.start(args, { env: sshd.env });
  await up.printed("stdout", /^node1: linux-\w+, \d+ CPUs?, [\d.]+ GB, 1 slot$/m);
  await up.printed("stdout", /^node2: /m);
  await up.printed("stderr", /^stranger: .*Permission denied/m);
  return up;
}

test("a worker of up ssh that is killed is started again", async (sshd, workspace) => {
  const args = ["up", "ssh", "node1:1", "--executable", sshd.executable];
  await using up = await workspace.start(args, { env: sshd.env });
  await up.printed("stdout", /--workers/);
  const [socket = ""] = sshd.running.flatMap((it) => / unix:(\/tmp\/\S+)/.exec(it)?.[1] ?? []);
  assert(existsSync(socket));
  sshd.killWorkers();
  await eventually("its socket is removed", () => !existsSync(socket));
  await up.printed("stderr", /^node1: .*; trying again$/m);
  await up.printed("stderr", /^node1 is back$/m);
  up.signal("SIGTERM");
  await up.endsCleanly();
});

test("up ssh ends with status 3 if no node can be used", async (sshd, workspace) => {
  const args = ["up", "ssh", "stranger", "--executable", sshd.executable];
  const { code, stderr } = await workspace.run(args, { env: sshd.env });
  assert.equal(code, 3);
  assert.match(stderr, /^stranger: .*Permission denied/);
});
