/** How other terminals find a run and ask it: real sockets, in a folder of the test. */

import assert from "node:assert/strict";
import { chmod, chown, lstat, mkdir, readdir, symlink, utimes, writeFile } from "node:fs/promises";
import os from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { getFromSocket } from "../../runtime/network/http_client.ts";
import { detectRuntime } from "../../runtime/detect.ts";
import { FilesBelow } from "../../runtime/files/files_below.ts";
import type { Runtime } from "../../runtime/ports.ts";
import { askRun, DeadRunError, SilentRunError } from "../../watch/ask_run.ts";
import { findLiveRuns } from "../../watch/find_run.ts";
import { readLiveRecord, writeLiveRecord } from "../../watch/live_record.ts";
import { LiveRun } from "../../watch/live_run.ts";
import { LiveSocket } from "../../watch/live_socket.ts";
import { makeSocketFolder, socketFolders } from "../../watch/socket_folder.ts";
import { Workspace } from "../cli/workspace.ts";
import { eventually } from "../lib/processes.ts";
import { test, testUnless } from "../lib/test.ts";
import { silentLog } from "../../system/log.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";
import { fakeRun } from "./fake_snapshots.ts";

const LIMITS = { timeoutMs: 10_000, bytesMax: 10_000_000 };

test("a run answers at a socket that is its user's alone, and leaves nothing behind", async () => {
  await using workspace = await Workspace.make();
  const { socket, variables } = await openSocket(workspace);
  const folder = dirname(socket.path);
  assert.equal((await lstat(folder)).mode & 0o777, 0o700);
  assert.equal((await lstat(socket.path)).mode & 0o777, 0o600);
  assert.deepEqual(await askRun(socket.path), JSON.parse(JSON.stringify(fakeRun())));
  assert((await findLiveRuns(variables)).runs.some((run) => run.socket === socket.path));
  for (const path of ["/", "/api/snapshot?x", "/../etc/passwd"]) {
    assert.equal((await getFromSocket(socket.path, path, LIMITS)).status, 404);
  }
  socket.close();
  await assert.rejects(askRun(socket.path), DeadRunError);
  assert.deepEqual(await readdir(workspace.path), []);
});

test("a run removes the sockets of killed runs, but none that somebody listens at", async () => {
  await using workspace = await Workspace.make();
  const { socket: other, runtime, variables } = await openSocket(workspace);
  const folder = dirname(other.path);
  const dead = join(folder, "1-00000000.sock");
  const listener = runtime.listen({ kind: "unix", path: dead });
  await lstat(dead);
  const kept = join(workspace.path, "kept");
  await runtime.files.link(dead, kept);
  listener.close();
  await runtime.files.rename(kept, dead);
  await assert.rejects(askRun(dead), DeadRunError);
  for (const path of [dead, other.path]) await utimes(path, 1, 1);
  const socket = LiveSocket.open(runtime, () => fakeRun(), variables, silentLog);
  await eventually(
    "the dead socket is gone",
    async () => !(await readdir(folder)).includes("1-00000000.sock"),
  );
  assert.equal((await askRun(other.path)).kind, "run");
  socket.close();
  other.close();
});

test("thirty-two terminals look at a run at once, and a further one once another has left", async () => {
  await using workspace = await Workspace.make();
  const { socket, runtime } = await openSocket(workspace);
  const dial = () => runtime.dial({ kind: "unix", path: socket.path }, 5_000);
  const terminals = await Promise.all(Array.from({ length: 32 }, dial));
  const oneMore = await dial();
  assert.equal(await oneMore.read(new Uint8Array(1)).catch(() => null), null, "it is disconnected");
  for (const terminal of terminals) terminal.close();
  await eventually(
    "the run answers again",
    async () => await askRun(socket.path).then(() => true, () => false),
  );
  socket.close();
});

test("a folder that others may enter, or that is a link, is not used for sockets", async () => {
  await using workspace = await Workspace.make();
  const one = makeSocketFolder([workspace.path]);
  assert.deepEqual(socketFolders([workspace.path]), [one]);
  for (const mode of [0o750, 0o705, 0o720, 0o701]) {
    await chmod(one, mode);
    assert.deepEqual(socketFolders([workspace.path]), []);
    assert.throws(() => makeSocketFolder([workspace.path]), /others may enter it/);
  }
  const links = workspace.at("links");
  await mkdir(links);
  await chmod(one, 0o700);
  await symlink(one, join(links, one.slice(workspace.path.length + 1)));
  assert.throws(() => makeSocketFolder([links]), /it is not a folder/);
  const long = workspace.at("x".repeat(100));
  await mkdir(long);
  assert.throws(() => makeSocketFolder([long]), /too long for a socket/);
  assert.equal(makeSocketFolder([long, workspace.path]), one, "another place is used then");
});

test("what is no socket of a run is not asked", async () => {
  await using workspace = await Workspace.make();
  await workspace.write("file", "");
  await assert.rejects(askRun(workspace.at("file")), SilentRunError);
  await assert.rejects(askRun(workspace.at("none")), DeadRunError);
  const { socket } = await openSocket(workspace, () => ({ ...fakeRun(), v: 2 as unknown as 1 }));
  await assert.rejects(askRun(socket.path), /of another version of distcomp$/);
  socket.close();
});

const notRoot = process.getuid?.() === 0 ? undefined : "needs root";

testUnless(notRoot, "a socket of another user is not asked", async () => {
  await using workspace = await Workspace.make();
  const { socket } = await openSocket(workspace);
  await chown(socket.path, 54_321, 54_321);
  await assert.rejects(askRun(socket.path), /is another user's \(id 54321\)$/);
  socket.close();
});

test("the record of a run replaces that of an earlier one, and follows no link", async () => {
  await using workspace = await Workspace.make();
  const { files } = await detectRuntime();
  const below = await FilesBelow.open(files, workspace.path);
  const state = workspace.at("state");
  await mkdir(state);
  await writeFile(workspace.at("victim"), "untouched");
  await symlink(workspace.at("victim"), join(state, "live.json"));
  await symlink(workspace.at("victim"), join(state, "live.json.new"));
  await writeLiveRecord(below, state, "/one");
  await writeLiveRecord(below, state, "/two");
  const record = await readLiveRecord(below, state);
  assert.deepEqual([record?.socket, record?.host], ["/two", os.hostname()]);
  assert.equal((await files.content(workspace.at("victim"))).length, "untouched".length);
  await writeFile(join(state, "live.json"), '{"v":1,"host":4}');
  assert.equal(await readLiveRecord(below, state), undefined);
  below.close();
});

test("the record of a run says how many jobs it has to run, once its inputs are counted", async () => {
  await using workspace = await Workspace.make();
  const runtime = await detectRuntime();
  const clock = new VirtualClock();
  const files = await FilesBelow.open(runtime.files, workspace.path);
  const jobs = { done: 5, failed: 2, skipped: 3, running: 1, waiting: 4 };
  let total: number | null = null;
  const live = new LiveRun({
    runtime: { ...runtime, listen: runtime.listen.bind(runtime), clock },
    snapshot: () => fakeRun({}, { jobs: { ...jobs, total } }),
    state: workspace.path,
    files,
    log: silentLog,
    variables: { XDG_RUNTIME_DIR: workspace.path },
  });
  const recorded = () => readLiveRecord(files, workspace.path);
  await clock.advance(200);
  await eventually("there is a record", async () => await recorded() !== undefined);
  assert.equal((await recorded())?.toRun, undefined);
  total = 12;
  await eventually("it has the number", async () => {
    await clock.advance(1_000);
    return (await recorded())?.toRun === 9;
  });
  await live.close();
  assert.equal(await recorded(), undefined);
  files.close();
});

async function openSocket(workspace: Workspace, snapshot = () => fakeRun()): Promise<{
  socket: LiveSocket;
  runtime: Runtime;
  variables: Record<string, string>;
}> {
  const runtime = await detectRuntime();
  const variables = { XDG_RUNTIME_DIR: workspace.path };
  return { socket: LiveSocket.open(runtime, snapshot, variables, silentLog), runtime, variables };
}
