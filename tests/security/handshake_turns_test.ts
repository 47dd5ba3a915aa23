/** The order and the pace in which TLS begins. */

import assert from "node:assert/strict";
import { nextTurn } from "../../runtime/clock.ts";
import { HandshakeTurns } from "../../security/handshake_turns.ts";
import { test } from "../lib/test.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";

test("a host that asks for a thousand handshakes keeps another one waiting for one only", async () => {
  const clock = new VirtualClock();
  const turns = new HandshakeTurns(clock);
  const order: string[] = [];
  const ask = (host: string) => void turns.next(host).then(() => order.push(host));
  for (let index = 0; index < 1_000; index++) ask("10.0.0.1");
  ask("10.0.0.2");
  await clock.until("both have had a turn", () => order.includes("10.0.0.2"));
  assert.deepEqual(order, ["10.0.0.1", "10.0.0.1", "10.0.0.2"]);
});

test("a thousand hosts that come at once wait for no rests", async () => {
  const clock = new VirtualClock();
  const turns = new HandshakeTurns(clock);
  const hosts = Array.from({ length: 1_000 }, (_, index) => `host ${index}`);
  await Promise.all(hosts.map((host) => turns.next(host).then(() => turns.next(host))));
  assert.equal(clock.now(), 0);
});

test("after a quiet time, a handshake begins at once", async () => {
  const clock = new VirtualClock();
  const turns = new HandshakeTurns(clock);
  const two = Promise.all([turns.next("10.0.0.1"), turns.next("10.0.0.1")]);
  await two; // which are followed by no rest
  const three = Promise.all([turns.next("10.0.0.1"), turns.next("10.0.0.1"), two]);
  let areDone = false;
  void three.then(() => areDone = true);
  while (clock.timers === 0) await nextTurn();
  await clock.until("all are done", () => areDone);
  await clock.advance(100);
  const beforeMs = clock.now();
  await turns.next("10.0.0.1"); // no time passes by itself
  assert.equal(clock.now(), beforeMs);
});

test("after the two pieces of a handshake, each is followed by a rest of three times its time, of 4 to 100 ms", async () => {
  assert.deepEqual(await restsAfter([20, 20, 1, 10, 900]), [4, 30, 100]);
});

/** The rests that follow pieces of work for one host which took these times. */
async function restsAfter(tookMs: readonly number[]): Promise<number[]> {
  let nowMs = 0;
  const rests: number[] = [];
  const turns = new HandshakeTurns({
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
  const all = tookMs.map((ms) => turns.next("10.0.0.1").then(() => nowMs += ms));
  await Promise.all(all);
  for (let turn = 0; turn < 8; turn++) await nextTurn();
  return rests;
}
