/** What a core cannot reach from its slot, on a worker without `--sandbox`. */

import assert from "node:assert/strict";
import { Workspace } from "../cli/workspace.ts";
import { core } from "../lib/cores.ts";
import { programTestUnless, testUnless } from "../lib/test.ts";
import { connectWith, run } from "../worker/controllers.ts";
import { notLinux, SECRET, SECRETS, startTarget, UNPRIVILEGED } from "./attackers.ts";

const ATTACKS = await core("attacks");

testUnless(notLinux, "a core finds no secret of its worker in any environment", async () => {
  await using worker = await startTarget();
  await using controller = await connectWith(worker, "attacks");
  assert.equal(await run(controller, `environments ${SECRET}=`), "");
  assert.equal(await run(controller, "shell env | grep -c SECRET"), "0\n");
});

programTestUnless(notLinux, "a core finds no secret of its run in any environment", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("lines", `environments ${SECRET}=\n`);
  const args = ["run", ATTACKS, "--lines", "lines", "--slots", "1"];
  const ended = await workspace.run(args, { through: UNPRIVILEGED, env: SECRETS });
  assert.equal(ended.code, 0, ended.stderr);
  assert.deepEqual(Object.values(await workspace.outputs()), [""]);
});

testUnless(notLinux, "a core cannot trace its worker, or read its memory", async () => {
  await using worker = await startTarget();
  await using controller = await connectWith(worker, "attacks");
  assert.equal(await run(controller, `trace ${worker.pid}`), "Operation not permitted");
  assert.equal(await run(controller, `read /proc/${worker.pid}/mem`), "Permission denied");
  assert.equal(await run(controller, `shell readlink /proc/${worker.pid}/cwd`), "");
});

testUnless(notLinux, "a program that a core starts gets no descriptor of its slot", async () => {
  await using worker = await startTarget();
  await using controller = await connectWith(worker, "attacks");
  // The pipe of `popen` is its stdout; 3 is the folder that `ls` lists.
  const listed = await run(controller, "shell exec ls /proc/self/fd");
  assert.equal(listed, "0\n1\n2\n3\n");
});

programTestUnless(
  notLinux,
  "no core opens the memory that a worker shares with a slot",
  async () => {
    await using worker = await startTarget(["--slots", "2"]);
    await using controller = await connectWith(worker, "attacks");
    const open = 'cat "$f" > /dev/null && echo opened';
    const look = `case $(readlink "$f") in /memfd:distcomp*) echo seen; ${open};; esac`;
    const found = await run(controller, `shell for f in /proc/[0-9]*/fd/*; do ${look}; done 2>&-`);
    assert.match(found, /^(seen\n)+$/);
  },
);

testUnless(notLinux, "a core gets no descriptor that its worker was started with", async () => {
  const through = ["sh", "-c", 'exec 7</etc/passwd; exec "$@"', "sh", ...UNPRIVILEGED];
  await using worker = await startTarget([], { through });
  await using controller = await connectWith(worker, "attacks");
  const files = await run(controller, "shell readlink /proc/$PPID/fd/*");
  assert.match(files, /socket:/, "it lists those of the slot");
  assert.doesNotMatch(files, /passwd/);
});
