/** The parts of the runtime adapters that the tests of the program do not cover. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { acceptUntilClosed } from "../../runtime/deno/accepting.ts";
import { ChunkQueue } from "../../runtime/chunk_queue.ts";
import { detectRuntime } from "../../runtime/detect.ts";
import { test } from "../lib/test.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";

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

test("a chunk queue pauses its source while much is unread, and resumes it later", async () => {
  const asked: boolean[] = [];
  const queue = new ChunkQueue((isPaused) => asked.push(isPaused));
  for (let index = 0; index < 20; index++) queue.push(new Uint8Array(100_000));
  assert.deepEqual(asked, [true]);
  await queue.read(new Uint8Array(2_000_000));
  assert.deepEqual(asked, [true, false]);
});

test("a chunk queue returns the bytes before a failure, then the failure", async () => {
  const queue = new ChunkQueue(() => {});
  queue.push(Uint8Array.of(1));
  queue.end(new Error("cable pulled"));
  assert.equal(await queue.read(new Uint8Array(9)), 1);
  await assert.rejects(queue.read(new Uint8Array(9)), /cable pulled/);
});

test("a program exits although a process that it started and unreferenced still runs", async () => {
  const script = fileURLToPath(new URL("../fixtures/leaves_a_process.ts", import.meta.url));
  const args = process.versions.bun ? ["run", script] : ["run", "-A", "--quiet", script];
  // The process would run for longer.
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 120_000 });
  process.kill(Number(stdout), "SIGKILL"); // throws if it has exited
});

test("a program goes on after a process that it writes to was killed before it read", async () => {
  const script = fileURLToPath(new URL("../fixtures/tells_a_killed_process.ts", import.meta.url));
  const args = process.versions.bun ? ["run", script] : ["run", "-A", "--quiet", script];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, {
    timeout: 120_000,
  });
  assert.deepEqual([stdout, stderr], ["still here\n", ""]);
});

test("a listener goes on after every error, even after a rejection that is not an Error", async () => {
  const clock = new VirtualClock();
  const wrongs = [
    Object.assign(new Error("gone"), { code: "ECONNABORTED" }),
    Object.assign(new Error("no room"), { code: "EMFILE" }),
    Object.assign(new Error("never heard of"), { code: "EPROTO" }),
    new Error("without a code"),
    undefined,
  ];
  const accept = () => wrongs.length > 0 ? Promise.reject(wrongs.shift()) : Promise.resolve("next");
  let accepted: string | null = null;
  void acceptUntilClosed(accept, () => false, clock).then((next) => accepted = next);
  await clock.until("the next connection is accepted", () => accepted === "next");
  assert.deepEqual(wrongs, []);
});

test("a connection that is gone before it is accepted costs no pause, and any other error a tenth of a second", async () => {
  const clock = new VirtualClock();
  const codes = ["ECONNABORTED", "ECONNRESET", "EINVAL", "ENOTCONN", "EMFILE"];
  const pausesMs = [];
  for (const code of codes) {
    const wrongs = [Object.assign(new Error("wrong"), { code })];
    const accept = () => wrongs.length > 0 ? Promise.reject(wrongs.shift()) : Promise.resolve(1);
    const startMs = clock.now();
    let acceptedAtMs: number | undefined;
    void acceptUntilClosed(accept, () => false, clock).then(() => acceptedAtMs = clock.now());
    await clock.until("it is accepted", () => acceptedAtMs !== undefined);
    pausesMs.push(clock.now() - startMs);
  }
  assert.deepEqual(pausesMs, [0, 0, 0, 0, 100]);
});

test("a listener ends when its owner has closed it, however the pending accept fails", async () => {
  const clock = new VirtualClock();
  for (const wrong of [new Error("closed"), { code: "EMFILE" }, undefined]) {
    let isClosed = false;
    const { promise, reject } = Promise.withResolvers<never>();
    const accepted = acceptUntilClosed(() => promise, () => isClosed, clock);
    isClosed = true;
    reject(wrong);
    assert.equal(await accepted, null);
  }
  const accept = () => assert.fail("a closed listener accepts nothing");
  assert.equal(await acceptUntilClosed(accept, () => true, clock), null);
});

test("a listener that is closed during its pause after an error ends", async () => {
  const clock = new VirtualClock();
  let isClosed = false;
  let accepts = 0;
  const accept = () => {
    accepts += 1;
    return Promise.reject(new Error("for now"));
  };
  const accepted = acceptUntilClosed(accept, () => isClosed, clock);
  await clock.advance(10);
  isClosed = true;
  await clock.advance(1_000);
  assert.equal(await accepted, null);
  assert.equal(accepts, 1);
});

test("a real listener accepts a connection, and ends when it is closed", async () => {
  const runtime = await detectRuntime();
  const listener = runtime.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
  const [accepted, dialed] = await Promise.all([
    listener.accept(),
    runtime.dial(listener.address, 10_000),
  ]);
  assert(accepted);
  const waits = listener.accept();
  listener.close();
  listener.close();
  assert.equal(await waits, null);
  assert.equal(await listener.accept(), null);
  for (const stream of [accepted, dialed]) stream.close();
});
