/** Tests of the network in memory that other tests use. */

import assert from "node:assert/strict";
import type { ByteStream } from "../../runtime/ports.ts";
import { MemoryNetwork } from "./memory_network.ts";
import { peerHost } from "./memory_peers.ts";
import { test } from "./test.ts";

const ANY = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;

/** Two ends of a connection. */
async function connect(
  network: MemoryNetwork,
  bytesPerMs?: number,
): Promise<{ near: ByteStream; far: ByteStream }> {
  const listener = network.listen(ANY);
  if (bytesPerMs && listener.address.kind === "tcp") {
    network.limitRate(listener.address.port, bytesPerMs);
  }
  const near = await network.dial(listener.address);
  const far = await listener.accept();
  assert(far);
  return { near, far };
}

async function readAll(stream: ByteStream): Promise<number[]> {
  const bytes: number[] = [];
  const space = new Uint8Array(700);
  for (let count = await stream.read(space); count !== null; count = await stream.read(space)) {
    bytes.push(...space.subarray(0, count));
  }
  return bytes;
}

test("bytes arrive in order, and an end that writes no more can still read", async () => {
  const { near, far } = await connect(new MemoryNetwork());
  const sent = Array.from({ length: 1_000 }, (_, index) => index % 251);
  await near.write(Uint8Array.from(sent));
  await near.endWrites();
  assert.deepEqual(await readAll(far), sent);
  await far.write(Uint8Array.of(42));
  far.close();
  assert.deepEqual(await readAll(near), [42]);
});

test("a writer waits for a reader that does not read", async () => {
  const network = new MemoryNetwork();
  const { near, far } = await connect(network);
  let isWritten = false;
  const writing = near.write(new Uint8Array(1024 * 1024)).then(() => isWritten = true);
  await network.clock.advance(60_000);
  assert.equal(isWritten, false);
  const space = new Uint8Array(1024 * 1024);
  for (let bytes = 0; bytes < space.byteLength;) bytes += await far.read(space) ?? 0;
  await writing;
});

test("a write to an end that is closed fails, and so does one that waits for it to read", async () => {
  const { near, far } = await connect(new MemoryNetwork());
  const writing = assert.rejects(near.write(new Uint8Array(1024 * 1024)), /connection reset/);
  far.close();
  await writing;
  await assert.rejects(near.write(Uint8Array.of(1)), /connection reset/);
});

test("a port where nobody listens refuses, and one that is taken cannot be taken again", async () => {
  const network = new MemoryNetwork();
  const listener = network.listen(ANY);
  assert.throws(() => network.listen(listener.address), /already in use/);
  listener.close();
  assert.equal(await listener.accept(), null);
  await assert.rejects(network.dial(listener.address), /connection refused/);
});

test("a slow connection takes the time that its rate says", async () => {
  const network = new MemoryNetwork();
  const { near, far } = await connect(network, 100);
  await near.write(new Uint8Array(50_000));
  await near.endWrites();
  const reading = readAll(far).then(({ length }) => ({ length, atMs: network.clock.now() }));
  await network.clock.advance(10_000);
  const { length, atMs } = await reading;
  assert.equal(length, 50_000);
  assert(atMs > 450 && atMs < 600, `it took ${atMs} ms`);
});

test("a socket over it says what it receives, ends with its peer, and can be paused", async () => {
  const network = new MemoryNetwork();
  const host = peerHost(network);
  const seen: string[] = [];
  const server = await host.listen((socket) => {
    socket.on("data", (bytes) => seen.push(`data ${bytes.length}`));
    socket.once("end", () => seen.push("end"));
    socket.once("close", () => seen.push("close"));
    socket.pause();
    host.after(1_000, () => socket.resume());
  });
  const socket = await host.dial(server.port);
  socket.resume();
  socket.end(new Uint8Array(3));
  await network.clock.advance(999);
  assert.deepEqual(seen, []);
  await network.clock.advance(1);
  assert.deepEqual(seen, ["data 3", "end", "close"]);
  assert.equal(socket.destroyed, true);
});
