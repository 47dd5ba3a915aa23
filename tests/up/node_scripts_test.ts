/** What ssh runs on a node to store an executable there, in a shell of this machine. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir } from "node:fs/promises";
import process from "node:process";
import { text } from "node:stream/consumers";
import { sha256Of } from "../../system/sha256.ts";
import { storeScript } from "../../up/node_scripts.ts";
import { isForUser, sshProblem } from "../../up/ssh_problems.ts";
import { noDisk, UNSHARE } from "../cli/small_disk.ts";
import { Workspace } from "../cli/workspace.ts";
import { test, testUnless } from "../lib/test.ts";

const CONTENT = new Uint8Array(1024 * 1024).fill(7);
const EXECUTABLE = {
  platform: "linux-x64",
  path: "",
  bytes: CONTENT.byteLength,
  sha256: sha256Of(CONTENT),
};

/** Runs the script with these bytes on its stdin. `command` runs its last argument in a shell. */
async function store(cache: string, bytes: Uint8Array, command: readonly string[] = ["sh", "-c"]) {
  const [program = "", ...args] = command;
  const env = { ...process.env, XDG_CACHE_HOME: cache };
  const child = spawn(program, [...args, storeScript(EXECUTABLE)], { env });
  child.stdin.on("error", () => {}); // it ends before it has read all
  child.stdin.end(bytes);
  const ended = once(child, "exit");
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = await ended;
  return { code, stdout, stderr };
}

test("an executable is stored once, and a copy that is cut off or damaged is not kept", async () => {
  await using workspace = await Workspace.make();
  const cache = workspace.at("cache");
  const names = () => readdir(workspace.at("cache/distcomp"));
  const cut = await store(cache, CONTENT.subarray(1));
  assert.deepEqual([cut.code, sshProblem(cut.stderr)], [1, "the copy is incomplete"]);
  const damaged = await store(cache, CONTENT.map((byte, at) => at === 5 ? 0 : byte));
  assert.deepEqual([damaged.code, sshProblem(damaged.stderr)], [1, "the copy is damaged"]);
  assert.deepEqual(await names(), []);
  const whole = await store(cache, CONTENT);
  assert.deepEqual([whole.code, whole.stdout.match(/\w+$/gm)], [0, ["send", "stored"]]);
  assert.deepEqual(await names(), [`distcomp-${EXECUTABLE.sha256.slice(0, 32)}`]);
  const again = await store(cache, new Uint8Array(0));
  assert.deepEqual([again.code, again.stdout.match(/\w+$/gm)], [0, ["stored"]]);
});

testUnless(
  noDisk,
  "a disk that is full while an executable is copied is one line, and nothing is left there",
  async () => {
    await using workspace = await Workspace.make();
    const disk = workspace.at("disk");
    await mkdir(disk);
    const full = `mount -t tmpfs -o size=256k tmpfs '${disk}' && { sh -c "$0"; code=$?; ` +
      `echo left: \`ls '${disk}/distcomp' | wc -l\`; exit $code; }`;
    const { code, stdout, stderr } = await store(disk, CONTENT, [...UNSHARE, "sh", "-c", full]);
    assert.equal(code, 1);
    const problem = sshProblem(stderr) ?? "";
    assert.match(problem, /No space left on device$/);
    assert.equal(isForUser(problem), true);
    assert.match(stdout, /^left: 0$/m);
  },
);
