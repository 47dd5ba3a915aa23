/** `distcomp run` on a disk that fills up, or that may have no large files. The disk is a small one in memory, which only the run sees. */

import assert from "node:assert/strict";
import { core } from "../../../lib/cores.ts";
import { programTestUnless, test, testUnless } from "../../../lib/test.ts";
import { noDisk, UNSHARE } from "../../small_disk.ts";
import { type Ended, Workspace } from "../../workspace.ts";

const DISK_KB = 256;

/** Becomes a program with a file system of its own at `disk`, and copies what is there at the end. */
const ON_SMALL_DISK = `
mount -t tmpfs -o size=${DISK_KB}k,nr_inodes=10000 tmpfs disk || exit 99
"$@"
status=$?
cp -R disk kept
exit $status`;

programTestUnless(
  noDisk,
  "outputs for which the disk has no room end the run, and none is half there",
  async () => {
    await using workspace = await Workspace.make();
    const text = "line of text ".repeat(1000);
    for (let index = 0; index < 60; index++) await workspace.write(`in/${index}`, text);
    const run = await runOnSmallDisk(workspace, ["in"]);
    assert.equal(run.code, 2, run.stderr);
    assert.match(
      run.stderr,
      // Whichever needs the last page. The journal may be first: it is written with each batch.
      /^distcomp: Cannot write the (output "disk\/out\/\d+"|journal ".*"): no space left on the disk, .*\nto resume: .*\n$/m,
    );
    const outputs = await workspace.outputs("kept/out");
    assert(Object.keys(outputs).length > 5);
    for (const [name, output] of Object.entries(outputs)) {
      assert(
        output === text,
        `${name} is whole`,
      );
    }
    assert.match(run.stdout, new RegExp(`^${Object.keys(outputs).length} of 60 jobs done`));
    assert.deepEqual(await workspace.leftovers("kept/out"), []);
  },
);

programTestUnless(
  noDisk,
  "a single output that no disk has room for leaves nothing of it",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.write("in/large", "x".repeat(2 * DISK_KB * 1024));
    const run = await runOnSmallDisk(workspace, ["in"]);
    assert.equal(run.code, 2, run.stderr);
    assert.match(
      run.stderr,
      /Cannot write the output "disk\/out\/large": no space left on the disk, or no inodes \(df -i\)/,
    );
    assert.deepEqual(await workspace.outputs("kept/out"), {});
    assert.deepEqual(await workspace.leftovers("kept/out"), []);
  },
);

test("an output over the limit of the size of files ends the run with an error, and nothing is half there", async () => {
  await using workspace = await Workspace.make();
  await workspace.writeAll({ "in/large": "x".repeat(20 * 1024 * 1024), "in/small": "x" });
  const through = ["sh", "-c", 'ulimit -f 16384; exec "$@"', "sh"]; // of 512 bytes, or of 1,024 in some shells
  const run = await workspace.run(["run", await core("echo"), "in"], { through });
  assert.equal(run.code, 2, run.stderr);
  assert.match(
    run.stderr,
    /Cannot write the output "outputs\/large": it is larger than a file may be here \(see ulimit -f\)/,
  );
  assert.deepEqual(await workspace.leftovers("outputs"), []);
});

testUnless(
  noDisk,
  "a record for which the disk has no room ends the run, and its lines are whole",
  async () => {
    await using workspace = await Workspace.make();
    // Empty outputs take no room: the record alone fills the disk.
    await workspace.write("lines", "null\n".repeat(8000));
    const run = await runOnSmallDisk(workspace, ["--lines", "lines"], "behave");
    assert.equal(run.code, 2, run.stderr);
    assert.match(
      run.stderr,
      /^distcomp: Cannot write the journal "disk\/out\/\.distcomp\/jobs\.jsonl": no space/m,
    );
    const outputs = await workspace.outputs("kept/out");
    const records = await workspace.records("kept/out");
    assert(records.length > 500);
    for (const { input } of records) assert.equal(outputs[input], "");
    assert.deepEqual(await workspace.leftovers("kept/out"), []);
  },
);

async function runOnSmallDisk(
  workspace: Workspace,
  inputs: readonly string[],
  coreName = "echo",
): Promise<Ended> {
  await workspace.write("disk/.keep", "");
  const args = ["run", await core(coreName), ...inputs, "-o", "disk/out"];
  const run = await workspace.run(args, { through: [...UNSHARE, "sh", "-c", ON_SMALL_DISK, "sh"] });
  assert.notEqual(run.code, 99, run.stderr);
  return run;
}
