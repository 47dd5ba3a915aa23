/** Unix sockets to which only one user can connect, with the real file system and real processes. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chownSync, linkSync, lstatSync, rmSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { detectRuntime } from "../../runtime/detect.ts";
import type { Address, Runtime, StreamListener } from "../../runtime/ports.ts";
import { listenPrivately, removeDeadSocket } from "../../system/unix_socket.ts";
import { Workspace } from "../cli/workspace.ts";
import { core } from "../lib/cores.ts";
import { Program } from "../lib/processes.ts";
import { scriptCommand } from "../lib/program_commands.ts";
import { test, testUnless } from "../lib/test.ts";

const runtime = await detectRuntime();
const notRoot = process.getuid?.() === 0 ? undefined : "needs root";

/** A user that has no name. */
const OTHER_USER = 54321;

/** A path for a socket, in a folder of its own. */
async function place() {
  const folder = await mkdtemp(join(tmpdir(), "dc-socket-"));
  const path = join(folder, "socket");
  return {
    path,
    address: { kind: "unix", path } as Address,
    names: () => readdir(folder),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

/** Leaves a socket behind, as a killed process does. */
function leaveDead(path: string): void {
  const listener = runtime.listen({ kind: "unix", path: `${path}-` });
  linkSync(`${path}-`, path);
  listener.close(); // which may remove the first name only
  rmSync(`${path}-`, { force: true });
}

function modeOf(path: string): number {
  return lstatSync(path).mode & 0o777;
}

test("only this user can connect to a Unix socket, from its first moment", async () => {
  await using at = await place();
  // In a process of its own: all tests of this one share its umask.
  const script = fileURLToPath(new URL("../fixtures/listens_privately.ts", import.meta.url));
  const [command, ...args] = scriptCommand(script);
  const { stdout } = await promisify(execFile)(command as string, [...args, at.path]);
  assert.deepEqual(JSON.parse(stdout), { folderMode: 0o700, socketMode: 0o600 });
  assert.deepEqual(await at.names(), []);
});

test("a Unix socket for this user alone is dialed as any other, and is gone when nobody listens", async () => {
  await using at = await place();
  const listener = listenPrivately(runtime, at.address);
  const [accepted, dialed] = await Promise.all([
    listener.accept(),
    runtime.dial(at.address, 10_000),
  ]);
  accepted?.close();
  dialed.close();
  assert.deepEqual(await at.names(), ["socket"]);
  listener.close();
  assert.deepEqual(await at.names(), []);
});

test("a Unix socket replaces nothing that is at its path", async () => {
  await using at = await place();
  await writeFile(at.path, "precious");
  assert.throws(() => listenPrivately(runtime, at.address), /something is there already/);
  assert.equal(await readFile(at.path, "utf8"), "precious");
  assert.deepEqual(await at.names(), ["socket"]);
});

test("a listener that is closed leaves the socket of another one at its path", async () => {
  await using at = await place();
  const first = listenPrivately(runtime, at.address);
  await rm(at.path);
  const second = listenPrivately(runtime, at.address);
  first.close();
  assert.deepEqual(await at.names(), ["socket"]);
  second.close();
});

test("the socket of a process that was killed is removed", async () => {
  await using at = await place();
  leaveDead(at.path);
  await removeDeadSocket(runtime, at.address);
  assert.deepEqual(await at.names(), []);
});

test("a socket on which a process listens is not removed, not even one that has just taken its place", async () => {
  await using at = await place();
  const listener = listenPrivately(runtime, at.address);
  await assert.rejects(removeDeadSocket(runtime, at.address), /another process listens there/);
  assert.deepEqual(await at.names(), ["socket"]);
  listener.close();

  leaveDead(at.path);
  let late: StreamListener | undefined;
  const dial: Runtime["dial"] = (address, limitMs) => {
    const answer = runtime.dial(address, limitMs);
    if (late) return answer;
    // Another process removes the dead socket and listens, between the question and the removal.
    return answer.finally(async () => {
      await rm(at.path);
      late = listenPrivately(runtime, at.address);
    });
  };
  const { files, random } = runtime;
  const removal = removeDeadSocket({ files, random, dial }, at.address);
  await assert.rejects(removal, /another process listens there/);
  (await runtime.dial(at.address, 10_000)).close();
  late?.close();
  assert.deepEqual(await at.names(), []);
});

test("what is no socket is not removed: a file, a folder, a link to a socket", async () => {
  await using at = await place();
  const makes = [
    () => writeFile(at.path, "precious"),
    () => mkdir(at.path),
    () => symlink("dead", at.path),
  ];
  leaveDead(join(dirname(at.path), "dead"));
  for (const make of makes) {
    await make();
    await assert.rejects(removeDeadSocket(runtime, at.address), /something other than a socket/);
    assert.deepEqual((await at.names()).sort(), ["dead", "socket"]);
    await rm(at.path, { recursive: true });
  }
});

testUnless(notRoot, "the socket of another user is neither removed nor dialed", async () => {
  await using at = await place();
  leaveDead(at.path);
  chownSync(at.path, OTHER_USER, OTHER_USER);
  await assert.rejects(removeDeadSocket(runtime, at.address), /another user's \(id 54321\)/);
  assert.deepEqual(await at.names(), ["socket"]);
  await rm(at.path);
  const listener = listenPrivately(runtime, at.address);
  chownSync(at.path, OTHER_USER, OTHER_USER);
  await assert.rejects(runtime.dial(at.address, 10_000), /another user's \(id 54321\)/);
  listener.close();
});

testUnless(
  process.platform === "linux" ? undefined : "the path of a socket has about 100 bytes",
  "the folder of a socket may have a long path",
  async () => {
    await using at = await place();
    const folder = join(dirname(at.path), "long".repeat(30));
    await mkdir(folder);
    const path = join(folder, "socket");
    listenPrivately(runtime, { kind: "unix", path }).close();
    assert.deepEqual(await readdir(folder), []);
  },
);

test("a worker listens on a Unix socket, takes over that of a killed worker, and removes its own", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("inputs/a", "hello");
  const address = `unix:${workspace.at("socket")}`;
  const args = ["worker", "--listen", address, "--slots", "1"];
  {
    await using killed = await Program.start(args);
    await killed.printed("stdout", /listening on unix:/);
    assert.equal(modeOf(workspace.at("socket")), 0o600);
    killed.signal("SIGKILL");
    await killed.exited;
  }
  await using worker = await Program.start(args);
  await worker.printed("stdout", /listening on unix:/);
  await using second = await Program.start(args);
  assert.deepEqual(await second.exited, { code: 2, signal: null });
  assert.match(second.stderr, /Cannot listen on unix:.*: another process listens there/);
  const ended = await workspace.run(["run", await core("echo"), "inputs", "--workers", address]);
  assert.equal(ended.code, 0, ended.stderr);
  assert.deepEqual(await workspace.outputs(), { a: "hello" });
  worker.signal("SIGTERM");
  await worker.exited;
  await assert.rejects(readFile(workspace.at("socket")), { code: "ENOENT" });
});

test("a run listens on a Unix socket for workers that connect to it", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("inputs/a", "hello");
  leaveDead(workspace.at("socket"));
  const address = `unix:${workspace.at("socket")}`;
  await using worker = await Program.start(["worker", "--connect", address, "--slots", "1"]);
  const ended = await workspace.run(["run", await core("echo"), "inputs", "--listen", address]);
  assert.equal(ended.code, 0, ended.stderr);
  assert.deepEqual(await workspace.outputs(), { a: "hello" });
  worker.signal("SIGTERM");
  await worker.exited;
  await assert.rejects(readFile(workspace.at("socket")), { code: "ENOENT" });
});
