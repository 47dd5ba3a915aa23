/** The script of a worker in a batch system, in a shell of this machine. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, mkdir, readdir, readFile } from "node:fs/promises";
import process from "node:process";
import { batchScript } from "../../up/batch_script.ts";
import { Workspace } from "../cli/workspace.ts";
import { test } from "../lib/test.ts";

/** What stands for distcomp. */
const WORKER = `#!/bin/sh
echo "$@"
umask
for f do test -f "$f" && cat "$f" && ls -l "$f" | cut -c 1-10; done
echo problem >&2
exit 5
`;

/** Runs the script as the batch system does. Its home is the workspace. */
async function start(workspace: Workspace) {
  const executable = await workspace.write("it's distcomp", WORKER);
  await chmod(executable, 0o755);
  const content = batchScript({ executable, address: "head:1", key: "SECRET\n", idleSeconds: 60 });
  const script = await workspace.write("script", content);
  const { path } = workspace;
  const batch = { NCPUS: "4", PBS_JOBID: "9.head" };
  const env = { PATH: process.env.PATH, HOME: path, TMPDIR: path, ...batch };
  const command = `umask 027; exec sh '${script}'`;
  const { status, stdout } = spawnSync("sh", ["-c", command], { env, encoding: "utf8" });
  assert.equal(status, 5, "its status is that of the worker");
  assert.match(stdout, /^worker --connect head:1 --key \S+ --idle-timeout 60s --slots 4$/m);
  return stdout;
}

test("the script of a worker runs in any folder, hands over its key, and leaves only its log", async () => {
  await using workspace = await Workspace.make();
  const before = await readdir(workspace.path);
  const stdout = await start(workspace);
  assert.match(stdout, /^0?027$/m, "the umask of its cores is the user's");
  assert.match(stdout, /^SECRET\n-rw-------$/m);
  assert.equal(await readFile(workspace.at(".cache/distcomp/jobs/9.head"), "utf8"), "problem\n");
  const left = (await readdir(workspace.path)).filter((name) => !before.includes(name));
  assert.deepEqual(left.sort(), [".cache", "it's distcomp", "script"]);
});

test("the script of a worker goes on where its log cannot be written", async () => {
  await using workspace = await Workspace.make();
  await mkdir(workspace.at(".cache/distcomp/jobs/9.head"), { recursive: true });
  await start(workspace);
});
