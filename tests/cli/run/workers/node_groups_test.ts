/** `worker --name` and `--label`, `run --only` and `--exclude`, as programs. */

import assert from "node:assert/strict";
import { core } from "../../../lib/cores.ts";
import { Program } from "../../../lib/processes.ts";
import { programTest, test } from "../../../lib/test.ts";
import { Workspace } from "../../workspace.ts";

programTest(
  "a run uses the workers that --only and --exclude leave, and names the others once",
  async () => {
    await using workspace = await Workspace.make();
    await using big = await worker("--label", "gpu=a100", "--name", "big");
    await using small = await worker("--name", "small");
    const list = ["-w", `127.0.0.1:${big.port},127.0.0.1:${small.port}`];
    const run = ["run", await core("echo"), "--repeat", "20", ...list];
    for (
      const [option, reason] of [
        [["--only", "gpu=a100"], "it does not have the label gpu=a100"],
        [["--exclude", "small"], "--exclude small"],
      ] as const
    ) {
      const { code, stderr } = await workspace.run([...run, "--fresh", ...option]);
      assert.equal(code, 0, stderr);
      const workers = new Set((await workspace.records()).map((record) => record.worker));
      assert.deepEqual([...workers], [`127.0.0.1:${big.port}`]);
      assert(stderr.includes(`cannot use worker 127.0.0.1:${small.port}: ${reason}`), stderr);
    }
  },
);

test("an excluded address is not dialed, and a run that has no other says so", async () => {
  await using workspace = await Workspace.make();
  await using one = await worker();
  const args = ["run", await core("echo"), "--repeat", "5", "--exclude", "nowhere.invalid"];
  const both = await workspace.run([...args, "-w", `nowhere.invalid,127.0.0.1:${one.port}`]);
  assert.equal(both.code, 0, both.stderr);
  assert.doesNotMatch(both.stderr, /nowhere/);
  const none = await workspace.run([...args, "-w", "nowhere.invalid"]);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /^distcomp: --exclude leaves no worker/);
});

test("a label that is none is one line", async () => {
  await using wrong = await Program.start(["worker", "--label", "gpu"]);
  await wrong.endsCleanly(2);
  assert.match(wrong.stderr, /--label must be a name and a value, such as gpu=a100, not "gpu"/);
});

async function worker(...options: readonly string[]): Promise<Program> {
  const started = await Program.start([
    "worker",
    "--listen",
    "127.0.0.1:0",
    "--slots",
    "1",
    ...options,
  ]);
  await started.printed("stdout", /^listening on .*\n/m);
  return started;
}
