/** TLS keeps what a byte stream promises. Both ends are in this process; other tests pair runtimes. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readlinkSync } from "node:fs";
import process from "node:process";
import { detectRuntime } from "../../runtime/detect.ts";
import { nextTurn } from "../../runtime/clock.ts";
import type { ByteStream, TlsStream } from "../../runtime/ports.ts";
import type { TlsIdentity } from "../../runtime/network/tls_start.ts";
import { tlsClientStream, tlsServerStream } from "../../runtime/network/tls_stream.ts";
import { openCredentials } from "../../security/open_credentials.ts";
import { otherRole, type Role, SERVER_NAMES } from "../../security/role.ts";
import { connectedPair, Keys, readAll } from "../lib/connections.ts";
import { eventually } from "../lib/processes.ts";
import { test, testUnless } from "../lib/test.ts";

const runtime = await detectRuntime();
const OWN = await identities();
const FOREIGN = await identities();

/** More than all buffers on the way hold. */
const MUCH_BYTES = 32 * 1024 * 1024;

/** What may have been written while nobody reads: 1 MiB is decrypted, and the system has buffers on both sides. */
const UNREAD_BYTES_MAX = 16 * 1024 * 1024;

const PIECE_BYTES = 256 * 1024;

/** Turns of the event loop in which a socket is closed. */
const TURNS = 20;

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytesOf = (text: string) => new TextEncoder().encode(text);

/** What both roles get from a new key. */
async function identities(): Promise<Record<Role, TlsIdentity>> {
  await using keys = await Keys.make();
  const path = await keys.create();
  const identityOf = async (role: Role) => {
    const credentials = await openCredentials(role, { ...runtime, path, env: {} });
    return { ...credentials, serverName: SERVER_NAMES[otherRole(role)] };
  };
  return { worker: await identityOf("worker"), controller: await identityOf("controller") };
}

interface Pair extends Disposable {
  readonly server: TlsStream;
  readonly client: TlsStream;
  readonly accepted: ByteStream;
}

async function secured(own = OWN): Promise<Pair> {
  const { accepted, dialed } = await connectedPair();
  const [server, client] = await Promise.all([
    tlsServerStream(accepted, OWN.worker),
    tlsClientStream(dialed, own.controller),
  ]);
  return {
    server,
    client,
    accepted,
    [Symbol.dispose]: () => [server, client].forEach((end) => end.close()),
  };
}

test("both sides of a TLS connection know whether the other one has the key", async () => {
  using pair = await secured();
  assert.deepEqual([pair.server.isAuthorized, pair.client.isAuthorized], [true, true]);
  assert(pair.server.certificate && pair.client.certificate);
  using foreign = await secured(FOREIGN);
  assert.deepEqual([foreign.server.isAuthorized, foreign.client.isAuthorized], [false, false]);
});

test("a server with another key and another name is known by its certificate, and is not authorized", async () => {
  const { accepted, dialed } = await connectedPair();
  const [server, client] = await Promise.all([
    tlsServerStream(accepted, FOREIGN.controller),
    tlsClientStream(dialed, OWN.controller),
  ]);
  assert.equal(client.isAuthorized, false);
  assert(client.certificate);
  for (const end of [server, client]) end.close();
});

test("large writes in both directions arrive whole and in order", async () => {
  using pair = await secured();
  const sent = new Uint8Array(MUCH_BYTES);
  for (let at = 0; at < sent.byteLength; at += 1024) sent[at] = (at / 1024) % 251;
  const hashOf = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
  const transfer = async (from: ByteStream, to: ByteStream) => {
    const writing = from.write(sent);
    const arrived = new Uint8Array(MUCH_BYTES);
    for (let at = 0; at < MUCH_BYTES;) at += await to.read(arrived.subarray(at)) ?? NaN;
    await writing;
    assert.equal(hashOf(arrived), hashOf(sent));
  };
  await Promise.all([transfer(pair.client, pair.server), transfer(pair.server, pair.client)]);
});

test("bytes may change as soon as they are written", async () => {
  using pair = await secured();
  const bytes = bytesOf("before");
  await pair.client.write(bytes);
  bytes.fill(0);
  const into = new Uint8Array(100);
  assert.equal(await pair.server.read(into), 6);
  assert.equal(text(into.subarray(0, 6)), "before");
});

test("while nobody reads, TLS takes in a bounded number of bytes, and the writer waits", async () => {
  using pair = await secured();
  let writtenBytes = 0;
  const write = async () => {
    const piece = new Uint8Array(PIECE_BYTES);
    for (; writtenBytes < MUCH_BYTES; writtenBytes += PIECE_BYTES) await pair.client.write(piece);
  };
  const writing = write();
  let before = -1;
  await eventually("the writer waits", async () => {
    const isSame = writtenBytes === before;
    before = writtenBytes;
    await new Promise((resolve) => setTimeout(resolve, 300));
    return isSame && writtenBytes > 0;
  });
  assert(writtenBytes < UNREAD_BYTES_MAX, `${writtenBytes} bytes`);
  let left = MUCH_BYTES;
  const into = new Uint8Array(1024 * 1024);
  while (left > 0) left -= await pair.server.read(into) ?? NaN;
  await writing;
});

test("the end of one direction arrives behind all its bytes", async () => {
  using pair = await secured();
  const reading = readAll(pair.server);
  await pair.client.write(new Uint8Array(300_000));
  await pair.client.endWrites();
  assert.equal((await reading).byteLength, 300_000);
});

test("who has ended its writes can still read", async () => {
  using pair = await secured();
  await pair.client.endWrites();
  assert.equal(await pair.server.read(new Uint8Array(10)), null);
  await pair.server.write(bytesOf("still here"));
  await pair.server.endWrites();
  assert.equal(text(await readAll(pair.client)), "still here");
});

test("a connection that is cut ends the other side's read, and fails its writes", async () => {
  using pair = await secured();
  const read = pair.client.read(new Uint8Array(10)).catch(() => null);
  pair.accepted.close();
  assert.equal(await read, null);
  await assert.rejects(async () => {
    for (;;) await pair.client.write(new Uint8Array(100_000));
  });
});

test("closing ends what is pending, and may be repeated", async () => {
  using pair = await secured();
  const read = pair.client.read(new Uint8Array(10));
  const write = pair.client.write(new Uint8Array(MUCH_BYTES));
  pair.client.close();
  pair.client.close();
  assert.equal(await read, null);
  await assert.rejects(write, /closed/);
});

testUnless(
  process.platform === "linux" ? undefined : "only Linux lists the descriptors of a process",
  "a peer that reads nothing does not keep a connection open that is closed",
  async () => {
    using pair = await secured();
    const open = socketsOfThisProcess();
    const writing = assert.rejects(pair.server.write(new Uint8Array(MUCH_BYTES)));
    const isOver = await Promise.race([writing, pause(300)]);
    assert.equal(isOver, "paused", "the writer waits");
    pair.server.close();
    await writing;
    for (let turn = 0; turn < TURNS && socketsOfThisProcess() === open; turn++) await nextTurn();
    assert.equal(socketsOfThisProcess(), open - 1, "the system has its socket back at once");
  },
);

function pause(ms: number): Promise<"paused"> {
  return new Promise((resolve) => setTimeout(() => resolve("paused"), ms));
}

function socketsOfThisProcess(): number {
  return readdirSync("/proc/self/fd").filter(isSocket).length;
}

function isSocket(descriptor: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`).startsWith("socket:");
  } catch {
    return false; // it was that of the folder
  }
}

test("bytes that are no TLS fail the handshake, and so does an end in the midst of it", async () => {
  for (
    const garbage of ["GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x00\x05hello", "\x16\x03\x01\x02"]
  ) {
    const { accepted, dialed } = await connectedPair();
    const handshake = tlsServerStream(accepted, OWN.worker);
    await dialed.write(bytesOf(garbage));
    await dialed.endWrites();
    await assert.rejects(handshake);
    dialed.close();
  }
});

test("closing the connection below ends a handshake that waits for the other side", async () => {
  for (const begin of [tlsServerStream, tlsClientStream]) {
    const { accepted, dialed } = await connectedPair();
    const handshake = begin(accepted, OWN.worker);
    handshake.catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 50));
    accepted.close();
    await assert.rejects(handshake);
    dialed.close();
  }
});

testUnless(
  process.versions["bun"] ? undefined : "here the stream is read for TLS",
  "what a server says in place of TLS can be read when the handshake has failed",
  async () => {
    const { accepted, dialed } = await connectedPair();
    const handshake = tlsClientStream(dialed, OWN.controller);
    await accepted.write(bytesOf("no TLS here"));
    await assert.rejects(handshake);
    assert.equal(text(await readAll(dialed)), "no TLS here");
    accepted.close();
  },
);

testUnless(
  process.versions["bun"] ? undefined : "here the stream is read for TLS",
  "what a server has said before TLS begins can be read, too",
  async () => {
    const { accepted, dialed } = await connectedPair();
    await accepted.write(bytesOf("no place"));
    accepted.close();
    assert.equal(await dialed.read(new Uint8Array(1)), 1); // the rest is there then
    await assert.rejects(tlsClientStream(dialed, OWN.controller));
    assert.equal(text(await readAll(dialed)), "o place");
    dialed.close();
  },
);
