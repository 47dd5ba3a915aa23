/** What the runtime folder has of its own, beside what the programs' tests show. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { acceptUntilClosed } from "../../runtime/accepting.ts";
import { ChunkQueue } from "../../runtime/chunk_queue.ts";
import { detectRuntime } from "../../runtime/detect.ts";
import { LineSplitter } from "../../system/lines.ts";
import { isNoexec } from "../../system/temporary_folder.ts";
import { test } from "../lib/test.ts";

const MOUNTS = [
  "/dev/sda1 / ext4 rw,relatime 0 0",
  "tmpfs /tmp tmpfs rw,nosuid,noexec 0 0",
  "tmpfs /tmp/build tmpfs rw 0 0",
  "tmpfs /with\\040space tmpfs noexec,rw 0 0",
  "tmpfs /twice tmpfs noexec 0 0",
  "tmpfs /twice tmpfs rw 0 0",
  "",
].join("\n");

test("a folder is noexec by the innermost mount that it lies on", () => {
  const noexec = ["/tmp", "/tmp/a/b", "/with space/x"];
  const fine = ["/", "/home", "/tmpx", "/tmp/build", "/tmp/build/deep", "/with", "/twice/x"];
  assert.deepEqual(noexec.map((folder) => isNoexec(folder, MOUNTS)), noexec.map(() => true));
  assert.deepEqual(fine.map((folder) => isNoexec(folder, MOUNTS)), fine.map(() => false));
});

test("where no mounts are known, no folder is noexec", () => {
  assert.equal(isNoexec("/tmp", ""), false);
});

test("lines are the same however the bytes are cut, and long ones are cut short", () => {
  const text = `first\r\nzweite Zeile: ü\n\n${"x".repeat(5000)}\nlast`;
  const bytes = new TextEncoder().encode(text);
  const whole = linesOf([bytes]);
  assert.deepEqual(whole.slice(0, 3), ["first", "zweite Zeile: ü", ""]);
  assert.equal(whole[3], `${"x".repeat(2000)} …`);
  assert.equal(whole[4], "last");
  for (const size of [1, 2, 3, 7, 1999, 2000, 2001]) {
    const pieces = [];
    for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
    assert.deepEqual(linesOf(pieces), whole, `pieces of ${size}`);
  }
});

function linesOf(pieces: readonly Uint8Array[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for (const piece of pieces) splitter.push(piece);
  splitter.end();
  return lines;
}

test("a chunk queue gives the bytes in order, whatever is pushed and read", async () => {
  const queue = new ChunkQueue(() => {});
  queue.push(Uint8Array.of(1, 2, 3));
  queue.push(Uint8Array.of(4));
  const into = new Uint8Array(2);
  assert.deepEqual([await queue.read(into), ...into], [2, 1, 2]);
  assert.deepEqual([await queue.read(into), ...into], [2, 3, 4]);
  const waiting = queue.read(into);
  queue.push(Uint8Array.of(5));
  assert.deepEqual([await waiting, into[0]], [1, 5]);
  queue.end();
  assert.equal(await queue.read(into), null);
});

test("a chunk queue asks its source to pause while much is unread, and to go on", async () => {
  const asked: boolean[] = [];
  const queue = new ChunkQueue((isPaused) => asked.push(isPaused));
  for (let index = 0; index < 20; index++) queue.push(new Uint8Array(100_000));
  assert.deepEqual(asked, [true]);
  await queue.read(new Uint8Array(2_000_000));
  assert.deepEqual(asked, [true, false]);
});

test("a chunk queue gives what came before a failure, then the failure", async () => {
  const queue = new ChunkQueue(() => {});
  queue.push(Uint8Array.of(1));
  queue.end(new Error("cable pulled"));
  assert.equal(await queue.read(new Uint8Array(9)), 1);
  await assert.rejects(queue.read(new Uint8Array(9)), /cable pulled/);
});

test("a program ends although a process that it has started, and waits for no more, goes on", async () => {
  const script = fileURLToPath(new URL("../fixtures/leaves_a_process.ts", import.meta.url));
  const args = process.versions.bun ? ["run", script] : ["run", "-A", "--quiet", script];
  // That process would go on for longer.
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 30_000 });
  process.kill(Number(stdout), "SIGKILL"); // throws if it is gone
});

test("a listener goes on after every error, known or not, and after what is no error at all", async () => {
  const wrongs = [
    Object.assign(new Error("gone"), { code: "ECONNABORTED" }),
    Object.assign(new Error("no room"), { code: "EMFILE" }),
    Object.assign(new Error("never heard of"), { code: "EPROTO" }),
    new Error("without a code"),
    undefined,
  ];
  const accept = () => wrongs.length > 0 ? Promise.reject(wrongs.shift()) : Promise.resolve("next");
  assert.equal(await acceptUntilClosed(accept, () => false), "next");
  assert.deepEqual(wrongs, []);
});

test("a listener ends when its owner has closed it, whatever that makes of who waits", async () => {
  for (const wrong of [new Error("closed"), { code: "EMFILE" }, undefined]) {
    let isClosed = false;
    const { promise, reject } = Promise.withResolvers<never>();
    const accepted = acceptUntilClosed(() => promise, () => isClosed);
    isClosed = true;
    reject(wrong);
    assert.equal(await accepted, null);
  }
  const accept = () => assert.fail("nobody is taken any more");
  assert.equal(await acceptUntilClosed(accept, () => true), null);
});

test("a listener that is closed while it waits for a better time ends, too", async () => {
  let isClosed = false;
  const accept = () => {
    setTimeout(() => isClosed = true, 10);
    return Promise.reject(new Error("for now"));
  };
  assert.equal(await acceptUntilClosed(accept, () => isClosed), null);
});

test("a real listener takes a connection, and ends when it is closed", async () => {
  const runtime = await detectRuntime();
  const listener = runtime.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
  const [accepted, dialled] = await Promise.all([
    listener.accept(),
    runtime.dial(listener.address, 10_000),
  ]);
  assert(accepted);
  const waits = listener.accept();
  listener.close();
  listener.close();
  assert.equal(await waits, null);
  assert.equal(await listener.accept(), null);
  for (const stream of [accepted, dialled]) stream.close();
});
