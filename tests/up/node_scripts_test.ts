/** What ssh runs on a node to store an executable there, in a shell of this machine. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readdir, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { text } from "node:stream/consumers";
import { sha256Of } from "../../system/sha256.ts";
import { answerIn, NODE_LINE, storeScript, workerScript } from "../../up/node_scripts.ts";
import { isForUser, sshProblem } from "../../up/ssh_problems.ts";
import { noDisk, UNSHARE } from "../cli/small_disk.ts";
import { Workspace } from "../cli/workspace.ts";
import { eventually } from "../lib/processes.ts";
import { test, testUnless } from "../lib/test.ts";

const BYTES = 1024 * 1024;

/** An executable that prints what a worker, and so a core, inherits. */
const CONTENT = new TextEncoder().encode("#!/bin/sh\numask\nexit\n#".padEnd(BYTES, "x"));

const EXECUTABLE = {
  platform: "linux-x64",
  path: "",
  bytes: BYTES,
  sha256: sha256Of(CONTENT),
};

/** The same for any machine. */
const EXECUTABLES = ["linux-x64", "linux-arm64", "linux-x64-musl", "macos-x64", "macos-arm64"]
  .map((platform) => ({ ...EXECUTABLE, platform }));

/** Runs the script that stores it, with these bytes on its stdin. `command` runs its last argument in a shell. */
function store(cache: string, bytes: Uint8Array, command: readonly string[] = ["sh", "-c"]) {
  return run(cache, bytes, [...command, storeScript(EXECUTABLE)]);
}

/** Runs the script that becomes the worker, as ssh does. */
function work(cache: string, ...args: readonly string[]) {
  const script = workerScript(EXECUTABLES, ["worker", ...args]);
  return run(cache, new Uint8Array(0), ["sh", "-c", `umask 027; ${script}`]);
}

async function run(cache: string, bytes: Uint8Array, [program = "", ...args]: readonly string[]) {
  const env = { ...process.env, XDG_CACHE_HOME: cache };
  const child = spawn(program, args, { env });
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

test("a copy that is cut off is not kept, also if nobody reads any more what is wrong with it", async () => {
  await using workspace = await Workspace.make();
  const env = { ...process.env, XDG_CACHE_HOME: workspace.at("cache") };
  const child = spawn("sh", ["-c", storeScript(EXECUTABLE)], { env });
  const ended = once(child, "exit");
  await once(child.stdout, "data"); // it waits for the copy
  child.stdout.destroy();
  child.stderr.destroy();
  child.stdin.end(CONTENT.subarray(1));
  await ended;
  assert.deepEqual(await readdir(workspace.at("cache/distcomp")), []);
});

test("an executable that a node has lost a part of is copied again", async () => {
  await using workspace = await Workspace.make();
  const cache = workspace.at("cache");
  await store(cache, CONTENT);
  const [name = ""] = await readdir(workspace.at("cache/distcomp"));
  for (const left of [0, 1000]) {
    await truncate(workspace.at(`cache/distcomp/${name}`), left);
    assert.match((await work(cache, "--stdio")).stdout, /^distcomp-node: lacks /);
    assert.match((await store(cache, CONTENT)).stdout, /stored\n$/);
    assert.match((await work(cache, "--stdio")).stdout, /^distcomp-node: ready /);
  }
});

test("what a shell prints before the line of a script is skipped, with a line feed or without", () => {
  const facts = { platform: "linux-x64", cpus: 2, memoryBytes: 1024 };
  const line = `${NODE_LINE}ready linux-x64 2 1`;
  for (const printed of ["", "\x1b]0;root@node\x07", `echo "${NODE_LINE}ready $p $c $k" `]) {
    assert.deepEqual(answerIn(printed + line), { kind: "ready", facts });
  }
  assert.equal(answerIn("Welcome to node1"), undefined);
  assert.equal(answerIn(`+ echo "${NODE_LINE}stored"; exit 0`), undefined);
});

test("a worker has the umask of the user, and its executable is the user's alone", async () => {
  await using workspace = await Workspace.make();
  const cache = workspace.at("cache");
  await store(cache, CONTENT);
  assert.match((await work(cache, "--stdio")).stdout, /^distcomp-node: ready .*\n0?027\n$/);
  const folder = workspace.at("cache/distcomp");
  const [name = ""] = await readdir(folder);
  const modes = await Promise.all([stat(folder), stat(join(folder, name))]);
  assert.deepEqual(modes.map(({ mode }) => mode & 0o777), [0o700, 0o700]);
});

test("the socket of a worker that was killed does not stay on its node", async () => {
  await using workspace = await Workspace.make();
  const cache = workspace.at("cache");
  await store(cache, CONTENT);
  const socket = await workspace.write("socket", "");
  await work(cache, "--listen", `unix:${socket}`);
  await eventually("it is removed", () => !existsSync(socket));
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
