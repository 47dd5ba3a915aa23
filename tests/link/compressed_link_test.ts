/** Links that compress: the same frames arrive, sooner over a slow network, and all bounds see their own sizes. */

import assert from "node:assert/strict";
import { Link } from "../../link/link.ts";
import type { LinkEvents } from "../../link/link_events.ts";
import type { Frame } from "../../protocol/mod.ts";
import { MemoryNetwork } from "../lib/memory_network.ts";
import { randomSource } from "../fixtures/peers/frames.ts";
import { test } from "../lib/test.ts";
import { assertSameFrames } from "../protocol/bytes.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const KIB = 1024;
const MIB = 1024 * KIB;

/** 100 Mbit/s. */
const SLOW_BYTES_PER_MS = 12_500;

test("frames of all sizes arrive in order while compression is turned on and off between them", async () => {
  const random = randomSource(7);
  const { near, frames } = await pair();
  const sent: Frame[] = [];
  for (let id = 0; id < 300; id++) {
    if (random() < 0.2) near.compression.compress(random() < 0.5);
    const bytes = Math.floor(random() < 0.1 ? random() * MIB : random() * 3 * KIB);
    const payload = random() < 0.5 ? text(bytes) : noise(bytes, random);
    sent.push({ type: 1, id, payload });
    near.send(1, id, payload);
    if (random() < 0.3) await Promise.resolve();
  }
  await near.end();
  assert.equal(near.pendingBytes, 0);
  assertSameFrames(frames, sent);
});

test("text takes a fifth of the time over a slow network, and noise no longer than plain", async () => {
  const plainMs = await timeOf([text(8 * MIB)], false);
  assert(Math.abs(plainMs - 8 * MIB / SLOW_BYTES_PER_MS) < 30, `${plainMs} ms`);
  const textMs = await timeOf([text(8 * MIB)], true);
  assert(textMs < plainMs / 5, `${textMs} of ${plainMs} ms`);
  const noiseMs = await timeOf([noise(8 * MIB)], true);
  assert(noiseMs < 1.05 * plainMs, `${noiseMs} of ${plainMs} ms`);
});

test("small frames that are sent together are compressed together", async () => {
  const jobs = Array.from({ length: 50_000 }, (_, index) => text(64 + index % 7));
  const plainMs = await timeOf(jobs, false);
  const compressedMs = await timeOf(jobs, true);
  assert(compressedMs < plainMs / 5, `${compressedMs} of ${plainMs} ms`);
});

test("a receiver counts what comes out of compressed bytes, not what has come", async () => {
  const read: number[] = [];
  const { near, far, frames } = await pair({ onRead: (bytes) => void read.push(bytes) });
  near.compression.compress(true);
  far.pause(true);
  near.send(1, 7, new Uint8Array(4 * MIB));
  far.pause(false);
  await near.end();
  assert.equal(frames[0]?.payload.byteLength, 4 * MIB);
  assert(read.reduce((sum, bytes) => sum + bytes) > 4 * MIB);
});

test("a link knows how fast its frames arrive, compressed or not, and nothing of a peer with little to send", async () => {
  for (const isOn of [false, true]) {
    const { near, far } = await pair({}, SLOW_BYTES_PER_MS);
    near.compression.compress(isOn);
    assert.equal(far.compression.arrivals.bytesPerMs, undefined);
    near.send(1, 7, noise(4 * MIB));
    await near.end();
    const rate = far.compression.arrivals.bytesPerMs ?? 0;
    assert(Math.abs(rate / SLOW_BYTES_PER_MS - 1) < 0.3, `${rate} bytes/ms`);
  }
  const { near, far, network } = await pair({}, SLOW_BYTES_PER_MS);
  for (let id = 0; id < 100; id++) {
    near.send(1, id, text(30 * KIB));
    await network.clock.advance(100);
  }
  assert.equal(far.compression.arrivals.bytesPerMs, undefined);
  await near.end();
});

test("compressed bytes for a link that does not accept them are a frame like others", async () => {
  const { near, frames } = await pair({}, Infinity, false);
  near.compression.compress(true);
  near.send(1, 7, text(10 * KIB));
  await near.end();
  assert.deepEqual(frames.map(({ type }) => type), [0x0d]);
});

test("a stream that ends inside a frame that comes compressed is cut off", async () => {
  let reason: Error | undefined;
  const { near, far } = await pair({ onClosed: (error) => void (reason = error) });
  near.compression.compress(true);
  near.writer.core(7, "core", text(100 * KIB));
  // The rest of a frame that was only announced.
  near.writer.jobResultHead(8, 0, 100 * KIB);
  await near.end();
  await Promise.resolve();
  assert(far.isClosed);
  assert.match(String(reason), /ended inside a frame/);
});

/** Two links. What arrives at the far one is in `frames`. */
async function pair(
  events: Partial<LinkEvents> = {},
  bytesPerMs = Infinity,
  accepts = true,
) {
  const network = new MemoryNetwork();
  const { runtime, clock } = network;
  const listener = runtime.listen({ kind: "tcp", host: "127.0.0.1", port: 7433 });
  network.limitRate(7433, bytesPerMs);
  const stream = await runtime.dial(listener.address, 1_000);
  const accepted = await listener.accept();
  assert(accepted);
  const frames: Frame[] = [];
  let arrivedAtMs = 0;
  const near = new Link(stream, { onFrame: () => {}, onClosed: () => {} }, { clock });
  const far = new Link(accepted, {
    onFrame: (frame) => {
      frames.push(frame);
      arrivedAtMs = clock.now();
    },
    onClosed: () => {},
    ...events,
  }, { clock, turns: { next: () => Promise.resolve() } });
  if (accepts) far.compression.accept();
  near.start();
  far.start();
  const end = near.end.bind(near);
  const ended = async () => {
    const isEnded = end();
    await clock.until("the far link is closed", () => far.isClosed);
    await isEnded;
  };
  return {
    network,
    near: Object.assign(near, { end: ended }),
    far,
    frames,
    arrivedAtMs: () => arrivedAtMs,
  };
}

/** How long payloads take over a slow network. */
async function timeOf(payloads: readonly Bytes[], isOn: boolean): Promise<number> {
  const { near, frames, arrivedAtMs } = await pair({}, SLOW_BYTES_PER_MS);
  near.compression.compress(isOn);
  for (const [id, payload] of payloads.entries()) near.send(1, id, payload);
  await near.end();
  assertSameFrames(frames, payloads.map((payload, id) => ({ type: 1, id, payload })));
  return arrivedAtMs();
}

/** Bytes that compress to less than a fifth. */
function text(bytes: number): Bytes {
  const line = new TextEncoder().encode("measured 17 at node 4, and again 23 at node 9\n");
  return new Uint8Array(bytes).map((_, index) =>
    index % 97 === 0 ? 48 + (index >> 7) % 10 : line[index % line.byteLength] as number
  );
}

function noise(bytes: number, random = randomSource(1)): Bytes {
  return new Uint8Array(bytes).map(() => Math.floor(256 * random()));
}
