/** What stdin may be instead of a list, lines or a tar: the message says so, and what was read. */

import assert from "node:assert/strict";
import { symlink } from "node:fs/promises";
import process from "node:process";
import { core } from "../../../lib/cores.ts";
import { test, testUnless } from "../../../lib/test.ts";
import { SharedWorker } from "../../shared_worker.ts";
import { Workspace } from "../../workspace.ts";

const ECHO = await core("echo");
const WORKER = await SharedWorker.start(ECHO);

/** How each command that reads stdin says what it cannot read. */
const READERS = [
  [["run", ECHO, "--lines", "-"], "lines from stdin"],
  [["run", ECHO, "-"], "lines from stdin"],
  [["run", ECHO, "--inputs", "-"], 'the tar "stdin"'],
  [["exec", ECHO, "-"], 'input "-"'],
] as const;

const notLinux = process.platform === "linux" ? undefined : "it needs /proc";

test("a folder as stdin is an error, not an empty input", async () => {
  await using workspace = await Workspace.make(WORKER);
  for (const [args, what] of READERS) {
    const ended = await workspace.run(args, { through: from("/") });
    assert.equal(ended.code, 2, ended.stdout);
    assert.match(ended.stderr, new RegExp(`^distcomp: Cannot read ${what}: it is a folder$`, "m"));
  }
});

// Nothing is mapped at the beginning of a process's memory, and reading there is an error of the device.
testUnless(notLinux, "an error of a device says what was read from it", async () => {
  await using workspace = await Workspace.make(WORKER);
  const why = "the disk reports an error";
  for (const [args, what] of READERS) {
    const ended = await workspace.run(args, { through: from("/proc/self/mem") });
    assert.equal(ended.code, 2, ended.stdout);
    assert.match(ended.stderr, new RegExp(`^distcomp: Cannot read ${what}: ${why}$`, "m"));
  }
  await symlink("/proc/self/mem", workspace.at("table.csv"));
  for (
    const [file, what] of [
      ["/proc/self/mem", 'lines from "/proc/self/mem"'],
      ["table.csv", 'the table "table.csv"'],
    ] as const
  ) {
    const ended = await workspace.run(["run", ECHO, "--lines", file]);
    assert.equal(ended.code, 2, ended.stdout);
    assert.match(ended.stderr, new RegExp(`^distcomp: Cannot read ${what}: ${why}$`, "m"));
  }
});

/** Starts a program with this as its stdin. The shell stays, as what it has opened may be its own memory. */
function from(path: string): readonly string[] {
  return ["sh", "-c", `exec <${path}; "$@"; exit $?`, "sh"];
}
