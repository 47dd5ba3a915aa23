/** Rounds of reading: no connection waits while others are read again and again, and none is given up unread. */

import assert from "node:assert/strict";
import { Heartbeat } from "../../controller/workers/heartbeat.ts";
import { Link } from "../../link/link.ts";
import { ReadRounds } from "../../link/read_rounds.ts";
import { encodeFrame } from "../../protocol/mod.ts";
import { detectRuntime } from "../../runtime/detect.ts";
import type { ByteStream } from "../../runtime/ports.ts";
import { test } from "../lib/test.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";

const FRAME = encodeFrame({ type: 1, id: 1, payload: new Uint8Array(0) });

/** A worker may be silent for so long, and is checked so often. */
const SILENT_MS_MAX = 20_000;
const TICK_MS = 250;

test("of many busy connections all are read every second, although the system serves a few at a time, the latest first", async () => {
  const clock = new VirtualClock();
  const system = new LatestFirst(clock);
  const links: Link[] = [];
  const rounds = new ReadRounds(clock, () => links.length);
  const reads = Array.from({ length: 200 }, () => 0);
  for (const index of reads.keys()) {
    const onRead = () => void (reads[index] = (reads[index] ?? 0) + 1);
    const events = { onFrame: () => {}, onRead, onClosed: () => {} };
    links.push(new Link(system.stream(), events, { clock, rounds }));
  }
  for (const link of links) link.start();
  await clock.advance(3_500);
  for (const link of links) link.close();
  system.close();
  assert(Math.min(...reads) >= 3, `${reads}`);
});

test("a few connections do not wait for each other, and many do so once a second", async () => {
  const clock = new VirtualClock();
  const [few, many] = [100, 101].map((links) => new ReadRounds(clock, () => links).join());
  assert(few && many);
  let waits = 0;
  for (let read = 0; read < 1_000; read++) {
    assert.equal(few.onRead(), undefined);
    if (many.onRead()) waits += 1;
    await clock.advance(10);
  }
  assert(waits >= 9 && waits <= 10, `${waits} in ten seconds`);
});

test("a round ends when nothing was read at ten looks, and who was read waits until then", async () => {
  const clock = new VirtualClock();
  const rounds = new ReadRounds(clock).join();
  let hasEnded = false;
  const all = rounds.all().then(() => hasEnded = true);
  assert(rounds.onRead(), "it waits");
  await clock.advance(9);
  assert(rounds.onRead(), "it waits, too");
  await clock.advance(10);
  assert.equal(hasEnded, false);
  await clock.advance(1);
  assert(hasEnded);
  await all;
  assert.equal(rounds.onRead(), undefined);
});

test("a round ends although connections come without end, which do not wait for it", async () => {
  const clock = new VirtualClock();
  const rounds = new ReadRounds(clock);
  const link = rounds.join();
  let hasEnded = false;
  void link.all().then(() => hasEnded = true);
  assert(link.onRead(), "it waits");
  for (let ms = 0; ms < 20; ms++) {
    assert(hasEnded || rounds.join().onRead() === undefined, "a new one does not");
    await clock.advance(1);
  }
  assert(hasEnded);
});

test("peers whose answers wait, because the program was busy for longer than they may be silent, are not given up, but one that is silent is", async () => {
  const { clock, ...runtime } = await detectRuntime();
  const rounds = new ReadRounds(clock);
  const listener = runtime.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
  const closed: (string | undefined)[] = [];
  const peers: { stream: ByteStream; link: Link; heartbeat: Heartbeat }[] = [];
  for (let index = 0; index < 50; index++) {
    const accepting = listener.accept();
    const stream = await runtime.dial(listener.address, 10_000);
    const accepted = await accepting;
    assert(accepted);
    const onClosed = (reason?: Error) => void (closed[index] = reason?.message);
    const link = new Link(accepted, { onFrame: () => {}, onClosed }, { clock, rounds });
    link.start();
    peers.push({ stream, link, heartbeat: new Heartbeat(0) });
  }
  listener.close();
  const [silent, ...others] = peers;
  // No turn of the event loop from here on: the system has the answers, and nobody has read them.
  const answers = others.map(({ stream }) => stream.write(FRAME));
  const closing: Promise<void>[] = [];
  for (let nowMs = 0; nowMs <= SILENT_MS_MAX; nowMs += TICK_MS) {
    for (const { link, heartbeat } of peers) {
      const { kind } = heartbeat.check(link, true, nowMs);
      if (kind === "give up") closing.push(link.closeIfSilent("it was silent"));
    }
  }
  assert.equal(closing.length, peers.length, "all seem to be silent");
  await Promise.all([...answers, ...closing]);
  assert.deepEqual(closed, ["it was silent"], "only the first is closed");
  assert(silent?.link.isClosed);
  for (const { stream, link } of peers) {
    link.close();
    stream.close();
  }
});

/** A system under which all connections have something at any time: it serves 16 in a millisecond, the latest first. */
class LatestFirst {
  readonly #reads: ((bytes: number) => void)[] = [];
  readonly #timer: { stop(): void };

  constructor(clock: VirtualClock) {
    this.#timer = clock.every(1, () => {
      for (let served = 0; served < 16; served++) this.#reads.pop()?.(FRAME.byteLength);
    });
  }

  stream(): ByteStream {
    return {
      peer: "peer",
      read: (into) => {
        into.set(FRAME);
        return new Promise((resolve) => this.#reads.push(resolve));
      },
      write: () => Promise.resolve(),
      endWrites: () => Promise.resolve(),
      close: () => {},
    };
  }

  close(): void {
    this.#timer.stop();
  }
}
