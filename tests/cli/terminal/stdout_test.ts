/** Commands whose stdout cannot be written. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { core } from "../../lib/cores.ts";
import { programTest, testUnless } from "../../lib/test.ts";
import { Workspace } from "../workspace.ts";

const ECHO = await core("echo");

/** Everything that is written there fails as on a full disk. */
const FULL = "/dev/full";

const noFull = existsSync(FULL) ? undefined : `this system has no ${FULL}`;

const toFull = ["sh", "-c", `exec "$@" > ${FULL}`, "sh"];

/** The reader of the pipe has ended before the program begins. */
const toNobody = [
  "sh",
  "-c",
  `trap '' PIPE
{ while echo; do :; done 2> /dev/null; "$@"; echo "status $?" >&2; } | true`,
  "sh",
];

const LOST = "distcomp: Cannot write to stdout: no space left on the disk, or no inodes (df -i)\n";

/** They print once, in many pieces, and by commander. */
const COMMANDS: readonly (readonly string[])[] = [
  ["key", "export", "--role", "worker", "--key", "key"],
  ["check", ECHO, "in/a"],
  ["report", "outputs", "-o", "-"],
  ["help", "run"],
  ["exec", ECHO, "in/a"],
];

testUnless(noFull, "a command whose output is lost says so, and ends with status 2", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("in/a", "1");
  await workspace.run(["key", "create", "key"]);
  await workspace.run(["run", ECHO, "in"]);
  for (const args of COMMANDS) {
    const { code, stderr } = await workspace.run(args, { through: toFull });
    assert.equal(code, 2, `${args.join(" ")}: ${stderr}`);
    assert.equal(stderr.split(LOST).length, 2, `it says so once: ${args.join(" ")}: ${stderr}`);
  }
});

testUnless(noFull, "a run whose summary is lost has run its jobs", async () => {
  await using workspace = await Workspace.make();
  await workspace.writeAll({ "in/a": "1", "in/b": "2" });
  const run = await workspace.run(["run", ECHO, "in", "--json"], { through: toFull });
  assert.equal(run.code, 2, run.stderr);
  assert.equal(run.stderr, LOST);
  assert.deepEqual(await workspace.outputs(), { a: "1", b: "2" });
});

testUnless(
  noFull,
  "a command whose reader has ended goes on, and its status is its own",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.write("in/a", "1");
    const run = await workspace.run(["run", ECHO, "in"], { through: toNobody });
    assert.equal(run.stderr, "status 0\n");
    assert.deepEqual(await workspace.outputs(), { a: "1" });
  },
);

programTest(
  "exec ends as its core does where the reader of its output has read enough",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.write("in", `code 3 ${"text".repeat(100_000)}`);
    const few = ["sh", "-c", '{ "$@"; echo "status $?" >&2; } | head -c 4', "sh"];
    const { stdout, stderr } = await workspace.run(["exec", await core("behave"), "in"], {
      through: few,
    });
    assert.equal(stdout, "text");
    const message = "The core returned exit code 3, with 400000 bytes of output";
    assert.equal(stderr, `distcomp: ${message}\nstatus 3\n`);
  },
);
