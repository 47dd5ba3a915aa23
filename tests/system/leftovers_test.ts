/** The folder of a killed process is removed, and that of a running process stays. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { detectRuntime } from "../../runtime/detect.ts";
import type { ByteStream } from "../../runtime/ports.ts";
import { markFolder, removeAfterOwner, removeLeftovers } from "../../system/leftovers.ts";
import { eventually } from "../lib/processes.ts";
import { test } from "../lib/test.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";
import { systemFiles } from "../../runtime/files/system_files.ts";

test("the folder of a running process stays, even if the process closes each new connection", async () => {
  assert.equal(await isRemovedFrom((socket) => socket.destroy()), false);
});

test("the folder of a process that is just being killed is removed, although it accepts a connection", async () => {
  const killed = async (socket: Socket, close: () => Promise<void>) => {
    await close();
    socket.destroy();
  };
  assert.equal(await isRemovedFrom(killed), true);
});

test("the folder of a killed process is removed once it is more than a minute old", async () => {
  const parent = mkdtempSync(join(tmpdir(), "dc-owner-"));
  try {
    const folder = join(parent, "distcomp-left");
    mkdirSync(folder);
    await markFolder(systemFiles, folder);
    await leaveSocket(folder);
    const { mtimeMs } = statSync(folder);
    const real = await detectRuntime();
    for (const [ageMs, isLeft] of [[60_000, true], [60_001, false]] as const) {
      const clock = { ...real.clock, date: () => mtimeMs + ageMs };
      await removeLeftovers({ ...real, clock }, parent, "owner");
      assert.equal(existsSync(folder), isLeft, `after ${ageMs} ms`);
    }
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
});

test("a process that is being killed has a second to close its connection, which is then closed", async () => {
  const folder = mkdtempSync(join(tmpdir(), "dc-owner-"));
  try {
    for (const isSilent of [true, false]) {
      const clock = new VirtualClock();
      const stream = new Stream(isSilent);
      const real = await detectRuntime();
      const runtime = { ...real, clock, dial: () => Promise.resolve(stream) };
      const removal = removeAfterOwner(runtime, folder, "owner");
      if (isSilent) {
        await clock.advance(999);
        assert(!stream.isClosed);
        await clock.advance(1);
      }
      await removal;
      assert(stream.isClosed);
      assert.equal(clock.timers, 0);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** A connection with a process that closes it at once, or that says nothing. */
class Stream implements ByteStream {
  readonly peer = "a process";
  readonly #closed = Promise.withResolvers<null>();
  isClosed = false;

  constructor(isSilent: boolean) {
    if (!isSilent) this.#closed.resolve(null);
  }

  read(): Promise<null> {
    return this.#closed.promise;
  }

  write(): Promise<void> {
    return Promise.resolve();
  }

  endWrites(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.isClosed = true;
    this.#closed.resolve(null);
  }
}

/** Leaves a socket in a folder on which nobody listens. */
async function leaveSocket(folder: string): Promise<void> {
  const server = createServer();
  server.listen(join(folder, "bound"));
  await once(server, "listening");
  renameSync(join(folder, "bound"), join(folder, "owner")); // it stays when the server is closed
  server.close();
  await once(server, "close");
}

/** Whether a folder is removed if its owner handles new connections in this way. */
async function isRemovedFrom(
  onConnection: (socket: Socket, close: () => Promise<void>) => void,
): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), "dc-owner-"));
  let isClosing = false;
  const server = createServer((socket) => {
    socket.on("error", () => {});
    if (isClosing) socket.destroy();
    else onConnection(socket, closed);
  });
  /** Resolves when nobody listens any more: a runtime may take a moment to close a listener. */
  const closed = async () => {
    isClosing = true;
    server.close();
    const runtime = await detectRuntime();
    const dial = () => runtime.dial({ kind: "unix", path: join(folder, "owner") }, 1_000);
    await eventually("nobody listens", () => dial().then((to) => void to.close(), () => true));
  };
  try {
    server.listen(join(folder, "bound"));
    await once(server, "listening");
    renameSync(join(folder, "bound"), join(folder, "owner")); // it stays, as that of a killed process
    await removeAfterOwner(await detectRuntime(), folder, "owner");
    return !existsSync(folder);
  } finally {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
