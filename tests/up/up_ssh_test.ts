/** `distcomp up ssh`, with a real sshd on this machine. */

import assert from "node:assert/strict";
import { core } from "../lib/cores.ts";
import { lacksSshd, Sshd } from "../lib/sshd.ts";
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

for (const signal of ["SIGINT", "SIGKILL"] as const) {
  test(
    `workers of up ssh serve several runs without a key or a port, and end after ${signal}`,
    async (sshd, workspace) => {
      await workspace.writeAll({ "inputs/a": "one", "inputs/b": "two" });
      const { env } = sshd;
      const args = ["up", "ssh", "node1:1", "node2:1", "stranger", "--executable", sshd.executable];
      await using up = await workspace.start(args, { env });
      const [, list = ""] = await up.printed("stdout", /--workers (@\S+)/);
      await up.printed("stdout", /^node1: linux-\w+, \d+ CPUs?, [\d.]+ GB, 1 slot$/m);
      await up.printed("stdout", /^node2: /m);
      await up.printed("stderr", /^stranger: .*Permission denied/m);
      for (const output of ["first", "second"]) {
        const options = ["-w", list, "-o", output];
        const { code, stderr } = await workspace.run([
          "run",
          await core("echo"),
          "inputs",
          ...options,
        ]);
        assert.equal(code, 0, stderr);
        assert.deepEqual(await workspace.outputs(output), { a: "one", b: "two" });
      }
      assert(sshd.running.length >= 4, "two workers and two slots");
      up.signal(signal);
      if (signal === "SIGKILL") await up.kill();
      else await up.endsCleanly();
      await sshd.isQuiet();
    },
  );
}

test("a worker of up ssh that is killed is started again", async (sshd, workspace) => {
  const args = ["up", "ssh", "node1:1", "--executable", sshd.executable];
  await using up = await workspace.start(args, { env: sshd.env });
  await up.printed("stdout", /--workers/);
  sshd.killWorkers();
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
