/**
 * The attackers of these tests, each a process of its own so that it takes nothing from the test's event loop:
 *
 *     attacker.ts KIND [HOST:]PORT [ARGUMENTS]
 *
 * With a key in ATTACK_KEY its connections are over TLS. It writes `attacking` on stdout once it is under way, and goes on until it is killed.
 */

import { type AddressInfo, connect, createServer, Socket } from "node:net";
import { readFileSync } from "node:fs";
import { once } from "node:events";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { connect as connectSecurely } from "node:tls";
import {
  CANCEL,
  COMPRESSED,
  COMPRESSION,
  concat,
  CORE,
  encodeFrame,
  header,
  int32,
  JOB,
  PING,
  u64,
  view,
} from "../fixtures/peers/frames.ts";
import { zstdCompress } from "../../runtime/zstd.ts";
import { coreMessage, versionMessage } from "../worker/raw.ts";
import { keyedDial } from "./keyed_host.ts";

/** A type of message that no version has. */
const UNKNOWN = 0xee;

/** The most that one frame of compressed bytes may stand for. */
const COMPRESSED_BYTES_MAX = 2 ** 20;

/** Frames that are written at once. */
const BATCH = 4_096;

const [kind = "", address = "", ...args] = process.argv.slice(2);
const [port, host = "127.0.0.1"] = address.split(":").reverse();

const ATTACKS: Readonly<Record<string, () => Promise<void>>> = {
  "unknown frames": () => flood(Number(args[0] ?? 4), UNKNOWN, new Uint8Array(0)),
  "jobs without a core": () => flood(Number(args[0] ?? 4), JOB, concat(u64(0n), u64(0n))),
  "large jobs without a core": () => flood(16, JOB, largeJob(Number(args[0])), 4),
  "pings": () => flood(Number(args[0] ?? 4), PING, new Uint8Array(0)),
  "cancels": () => flood(Number(args[0] ?? 4), CANCEL, u64(1n)),
  "compressed zeros": () => inflate(Number(args[0] ?? 16)),
  "idle connections": () => hold(Number(args[0]), new Uint8Array(0)),
  "half headers": () => hold(Number(args[0]), header(JOB, 1n, 8n).subarray(0, 9)),
  "announced gigabytes": () => trickle(Number(args[0]), Number(args[1]), JOB),
  "announced unknowns": () => trickle(Number(args[0]), Number(args[1]), UNKNOWN),
  "announced cores": () => trickle(Number(args[0]), Number(args[1]), CORE),
  "hanging cores": () => hang(Number(args[0]), args[1] as string),
  "stored cores": () => store(Number(args[0]), args[1] as string, Number(args[2])),
  "connections without end": () => churn(),
  "handshakes without end": () => shake(Number(args[0])),
  "page requests": () => browse(Number(args[0]), args[1] ?? ""),
  "half page requests": () =>
    hold(Number(args[0]), new TextEncoder().encode("GET / HTTP/1.1\r\nHost: ")),
};

/** Connects over TLS, if there is a key. */
const dial = process.env.ATTACK_KEY
  ? await keyedDial(process.env.ATTACK_KEY, "controller")
  : undefined;

await ATTACKS[kind]?.();
console.log("attacking");
await delay(3_600_000);

async function open(): Promise<Socket> {
  if (dial) return await dial(Number(port), host).then((socket) => socket.resume(), refused);
  const socket = connect({ port: Number(port), host });
  socket.on("error", () => {});
  await Promise.race([once(socket, "connect"), once(socket, "close")]);
  return socket.resume(); // answers are read and dropped
}

/** The worker has closed it before the handshake: it has too many of this host. */
function refused(): Socket {
  const socket = new Socket();
  socket.on("error", () => {});
  return socket.destroy();
}

/** Sends frames of one type as fast as the worker takes them, with protocol version 2. */
async function flood(
  connections: number,
  type: number,
  payload: Uint8Array,
  batchFrames = BATCH,
): Promise<void> {
  const batch = concat(
    ...Array.from(
      { length: batchFrames },
      (_, index) => encodeFrame({ type, id: BigInt(index + 2), payload }),
    ),
  );
  for (let index = 0; index < connections; index++) {
    const socket = await open();
    socket.write(versionMessage(1n, 2));
    const write = () => {
      while (socket.writable && socket.write(batch)); // until it has to wait
    };
    socket.on("drain", write);
    write();
  }
}

function largeJob(bytes: number): Uint8Array {
  return concat(u64(0n), u64(BigInt(bytes)), new Uint8Array(bytes));
}

/** Sends jobs of 64 MiB of zeros without end, compressed to a thousandth. */
async function inflate(connections: number): Promise<void> {
  const bytes = 64 * COMPRESSED_BYTES_MAX;
  const head = header(JOB, 2n, BigInt(bytes));
  const part = new Uint8Array(COMPRESSED_BYTES_MAX);
  const parts = Array.from({ length: bytes / part.byteLength }, () => compressed(1, part));
  const batch = concat(compressed(0, head), ...parts);
  for (let index = 0; index < connections; index++) {
    const socket = await open();
    socket.write(versionMessage(1n, 2));
    socket.write(encodeFrame({ type: COMPRESSION, id: 2n, payload: Uint8Array.of(1) }));
    const write = () => {
      while (socket.writable && socket.write(batch));
    };
    socket.on("drain", write);
    write();
  }
}

/** A frame of compressed bytes. */
function compressed(coding: number, bytes: Uint8Array): Uint8Array {
  const data = coding === 0 ? bytes : zstdCompress(bytes);
  const payload = concat(Uint8Array.of(coding), int32(bytes.byteLength), data);
  return encodeFrame({ type: COMPRESSED, id: 0n, payload });
}

/** Keeps connections open that have sent only this, and opens new ones for those that are closed. */
async function hold(connections: number, bytes: Uint8Array): Promise<void> {
  const one = async () => {
    const socket = await open();
    if (bytes.length > 0) socket.write(bytes);
    socket.once("close", () => void delay(250).then(one));
  };
  // One over TLS may have to wait until others are closed.
  for (let index = 0; index < connections; index++) await Promise.race([one(), delay(100)]);
}

/** Announces a gigabyte on each connection, sends a part of it at once and the rest byte by byte. */
async function trickle(connections: number, bytesAtOnce: number, type: number): Promise<void> {
  const first = concat(header(type, 1n, 2n ** 30n), new Uint8Array(bytesAtOnce).fill(1));
  const sockets = [];
  for (let index = 0; index < connections; index++) sockets.push(await open());
  for (const socket of sockets) {
    socket.write(first);
    setInterval(() => socket.writable && socket.write(Uint8Array.of(1)), 100);
  }
}

/** Has the worker try two cores on each connection whose `worker_init` never returns. */
async function hang(connections: number, path: string): Promise<void> {
  const core = readFileSync(path);
  for (let index = 0; index < connections; index++) {
    const socket = await open();
    for (const second of [0, 1]) {
      socket.write(coreMessage(BigInt(second), "hangs", differing(core, 2 * index + second)));
    }
  }
}

/** Has the worker store a large core on each connection, and keep it in use. */
async function store(connections: number, path: string, bytes: number): Promise<void> {
  const core = concat(readFileSync(path), new Uint8Array(bytes));
  for (let index = 0; index < connections; index++) {
    const socket = await open();
    socket.write(encodeFrame({
      type: CORE,
      id: 1n,
      payload: coreMessage(1n, "large", differing(core, index)).subarray(17),
    }));
  }
}

/** Connects and goes, again and again. */
async function churn(): Promise<void> {
  const one = async () => {
    for (;;) (await open()).resetAndDestroy();
  };
  for (let index = 0; index < 8; index++) void one();
  await delay(100);
}

/** Begins TLS on each connection, as cheaply as can be: with the same bytes each time, and gone with the first answer. */
async function shake(connections: number): Promise<void> {
  const hello = await clientHello();
  const one = async () => {
    for (;;) {
      const socket = await open();
      const answered = Promise.race([once(socket, "data"), once(socket, "close")]);
      socket.write(hello);
      await answered;
      socket.resetAndDestroy();
    }
  };
  for (let index = 0; index < connections; index++) void one();
  await delay(100);
}

/** What a client of TLS sends first. */
async function clientHello(): Promise<Uint8Array> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connectSecurely({ port: (server.address() as AddressInfo).port });
  client.on("error", () => {});
  const [socket] = await once(server, "connection") as [Socket];
  const [hello] = await once(socket, "data") as [Uint8Array];
  client.destroy();
  socket.destroy();
  server.close();
  return hello;
}

/** Asks for a page as fast as it is answered, and connects again when it is disconnected. */
async function browse(connections: number, authorization: string): Promise<void> {
  const asked = `GET /api/snapshot HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://evil.example\r\n` +
    `Authorization: ${authorization}\r\n\r\n`;
  const one = async () => {
    const socket = await open();
    socket.on("data", () => socket.writable && socket.write(asked));
    socket.once("close", () => void one());
    socket.write(asked);
  };
  for (let index = 0; index < connections; index++) void one();
  await delay(100);
}

/** The same library with other bytes behind it, so that it is another core. */
function differing(core: Uint8Array, number: number): Uint8Array {
  const other = concat(core, new Uint8Array(8));
  view(other).setBigUint64(core.length, BigInt(number), true);
  return other;
}
