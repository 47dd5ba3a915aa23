/** The order and the pace in which the work of handshakes is done. */

import assert from "node:assert/strict";
import { nextTurn } from "../../runtime/clock.ts";
import type { ByteStream } from "../../runtime/ports.ts";
import { HandshakeQueue } from "../../security/handshake_queue.ts";
import { test } from "../lib/test.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";

test("a host that asks for a thousand handshakes keeps another one waiting for one only", async () => {
  const clock = new VirtualClock();
  const queue = new HandshakeQueue(clock);
  const order: string[] = [];
  const ask = (host: string) => void queue.next(streamOf(host)).then(() => order.push(host));
  for (let index = 0; index < 1_000; index++) ask("10.0.0.1");
  ask("10.0.0.2");
  await clock.until("both have had a turn", () => order.includes("10.0.0.2"));
  assert.deepEqual(order, ["10.0.0.1", "10.0.0.1", "10.0.0.2"]);
});

test("a hundred hosts that come at once wait for no rests, and a thousand for short ones", async () => {
  for (const [hosts, msMax] of [[100, 0], [1_000, 8_000]] as const) {
    const clock = new VirtualClock();
    const queue = new HandshakeQueue(clock);
    const streams = Array.from({ length: hosts }, (_, index) => streamOf(`host ${index}`));
    const handshakes = streams.map((stream) => queue.next(stream).then(() => queue.next(stream)));
    let areDone = false;
    void Promise.all(handshakes).then(() => areDone = true);
    while (!areDone) {
      await nextTurn();
      if (clock.timers > 0) await clock.advance(1);
    }
    assert(clock.now() <= msMax, `${clock.now()} ms`);
  }
});

test("a connection that is closed before its turn waits no longer, and takes none", async () => {
  const clock = new VirtualClock();
  const queue = new HandshakeQueue(clock);
  const streams = Array.from({ length: 100 }, () => streamOf("10.0.0.1"));
  let served = 0;
  let left = 0;
  for (const stream of streams) queue.next(stream).then(() => served += 1, () => left += 1);
  for (const stream of streams) stream.close();
  await clock.advance(60_000);
  assert.deepEqual([served, left], [1, 99]); // the first one's had come
  assert.equal(clock.timers, 0);
});

test("of a host that asks for more than it gets, the newest connections are served", async () => {
  const clock = new VirtualClock();
  const queue = new HandshakeQueue(clock);
  const served: number[] = [];
  const open: ByteStream[] = [];
  let left = 0;
  for (let index = 0; index < 3_000; index++) {
    const stream = streamOf("10.0.0.1");
    queue.next(stream).then(() => served.push(index), () => left += 1);
    open.push(stream);
    if (open.length > 512) open.shift()?.close(); // as the listener does
    await clock.advance(1);
  }
  const waiting = 3_000 - served.length - left;
  assert(waiting <= 512, `${waiting} wait`);
  const late = served.filter((index) => index >= 2_500).length;
  assert(late >= 50, `${late} of the last 500 were served`);
});

test("after a quiet time, a handshake begins at once", async () => {
  const clock = new VirtualClock();
  const queue = new HandshakeQueue(clock);
  const next = () => queue.next(streamOf("10.0.0.1"));
  const two = Promise.all([next(), next()]);
  await two; // which are followed by no rest
  const three = Promise.all([next(), next(), two]);
  let areDone = false;
  void three.then(() => areDone = true);
  while (clock.timers === 0) await nextTurn();
  await clock.until("all are done", () => areDone);
  await clock.advance(100);
  const beforeMs = clock.now();
  await next(); // no time passes by itself
  assert.equal(clock.now(), beforeMs);
});

test("after the two pieces of a handshake, each is followed by a rest of three times its time, of 4 to 100 ms", async () => {
  assert.deepEqual(await restsAfter([20, 20, 1, 10, 900]), [4, 30, 100]);
});

/** The rests that follow pieces of work for one host which took these times. */
async function restsAfter(tookMs: readonly number[]): Promise<number[]> {
  let nowMs = 0;
  const rests: number[] = [];
  const queue = new HandshakeQueue({
    now: () => nowMs,
    date: () => nowMs,
    nextTurn,
    every: () => assert.fail("nothing happens again and again"),
    after(ms, action) {
      rests.push(ms);
      queueMicrotask(action);
      return { stop() {} };
    },
  });
  const stream = streamOf("10.0.0.1");
  for (const ms of tookMs) {
    await queue.next(stream);
    nowMs += ms;
    for (let turn = 0; turn < 4; turn++) await nextTurn();
  }
  return rests;
}

/** A connection from a host, which is closed when it is told to. */
function streamOf(host: string): ByteStream {
  const nothing = () => Promise.resolve();
  return {
    peer: host,
    read: () => new Promise(() => {}),
    write: nothing,
    endWrites: nothing,
    close: () => {},
  };
}
