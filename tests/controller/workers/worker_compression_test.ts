/** A run decides by itself whether what goes over a network is compressed: the two ends of one connection. */

import assert from "node:assert/strict";
import type { CompressionMode } from "../../../link/compression_mode.ts";
import { WorkerCompression } from "../../../controller/workers/worker_compression.ts";
import { Link } from "../../../link/link.ts";
import { decodeMessage2, type Frame, MessageType, ResponseType } from "../../../protocol/mod.ts";
import type { Timer } from "../../../runtime/clock.ts";
import { Compression } from "../../../worker/controllers/compression.ts";
import { randomSource } from "../../fixtures/peers/frames.ts";
import { MemoryNetwork } from "../../lib/memory_network.ts";
import { test } from "../../lib/test.ts";

const MIB = 1024 * 1024;

/** Bytes in a millisecond: 100 Mbit/s, and so many that the buffers are the limit. */
const SLOW = 12_500;
const FAST = 10_000_000;

const JOBS_AT_ONCE = 4;
const TEXT = new Uint8Array(MIB).map((_, index) => index % 251 >> (index % 3));
const NOISE = new Uint8Array(MIB).map(((random) => () => 256 * random())(randomSource(1)));

test("a slow network is compressed in both directions, without being told, and a fast one is not", async () => {
  const slow = await echo("auto", SLOW, TEXT, 60 * MIB);
  assert.deepEqual(slow, { toWorker: true, toController: true, asked: [0, 1] });
  const fast = await echo("auto", FAST, TEXT, 60 * MIB);
  assert.deepEqual(fast, { toWorker: false, toController: false, asked: [0] });
});

test("data that gets no smaller is sent plain over a slow network, too", async () => {
  const { asked, toController, toWorker } = await echo("auto", SLOW, NOISE, 60 * MIB);
  assert.deepEqual(asked, [0, 1, 0]);
  assert.deepEqual([toWorker, toController], [true, true], "it was tried");
});

test("a run that is told to compress does so at once, and one that is told not to never does", async () => {
  const always = await echo("always", FAST, TEXT, 8 * MIB);
  assert.deepEqual(always, { toWorker: true, toController: true, asked: [1] });
  const never = await echo("never", SLOW, TEXT, 8 * MIB);
  assert.deepEqual(never, { toWorker: false, toController: false, asked: [] });
});

test("a worker that does not compress is asked for nothing", async () => {
  const old = await echo("always", SLOW, TEXT, 8 * MIB, false);
  assert.deepEqual(old, { toWorker: false, toController: false, asked: [] });
});

/** Sends jobs to a worker that echoes them, some at a time, and says what was compressed and what the worker was asked. */
async function echo(
  mode: CompressionMode,
  bytesPerMs: number,
  payload: Uint8Array<ArrayBuffer>,
  bytes: number,
  compresses = true,
) {
  const network = new MemoryNetwork();
  const { runtime, clock } = network;
  const listener = runtime.listen({ kind: "tcp", host: "127.0.0.1", port: 7433 });
  network.limitRate(7433, bytesPerMs);
  const stream = await runtime.dial(listener.address, 1_000);
  const accepted = await listener.accept();
  assert(accepted);
  const options = { clock, turns: { next: () => Promise.resolve() } };
  const asked: number[] = [];
  let answered = 0;
  let sent = 0;
  const near = new Link(stream, {
    onFrame: (frame) => {
      if (frame.type === ResponseType.arrivalRate) return compression.onArrivalRate(frame);
      if (frame.payload.byteLength === 0) return responses.get(frame.id)?.(frame);
      answered += frame.payload.byteLength;
      if (sent < bytes) send();
    },
    onClosed: () => {},
  }, options);
  const far: Link = new Link(accepted, {
    onFrame: (frame) => onMessage(frame),
    onClosed: () => {},
  }, options);
  const own = new Compression(far);
  const onMessage = (frame: Frame) => {
    if (frame.type !== MessageType.compression) return far.send(1, frame.id, frame.payload);
    const message = decodeMessage2(frame);
    assert(message.type === "compression");
    asked.push(message.compresses ? 1 : 0);
    far.writer.whole(own.onAsked(message.id, message.compresses));
  };
  let id = 1;
  const responses = new Map<unknown, (frame: Frame) => void>();
  const compression = new WorkerCompression(near, (encode, onResponse) => {
    responses.set(++id, onResponse);
    near.writer.whole(encode(id));
  });
  const send = () => {
    sent += payload.byteLength;
    near.send(1, ++id, payload);
  };
  const tick: Timer = clock.every(100, () => {
    own.onTick(clock.now());
    compression.onTick(clock.now());
  });
  near.start();
  far.start();
  compression.onIntroduced({ ...DESCRIPTION, ...(compresses && { compresses }) });
  compression.start(mode);
  for (let job = 0; job < JOBS_AT_ONCE; job++) send();
  await clock.until("all is answered", () => answered >= bytes);
  tick.stop();
  const result = {
    toWorker: far.compression.decompressed.bytes > 0,
    toController: near.compression.decompressed.bytes > 0,
    asked,
  };
  near.close();
  far.close();
  return result;
}

const DESCRIPTION = {
  instance: "",
  slots: 1,
  memoryBytes: 0,
  platform: "",
  software: "",
  machine: "",
  cores: [],
};
