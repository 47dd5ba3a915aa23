/** The clock of this machine, which can be stopped. */

import assert from "node:assert/strict";
import { StoppableClock } from "../../runtime/clock.ts";
import { test } from "../lib/test.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";

test("a stopped clock stands still, and goes on from there", async () => {
  const { system, clock } = newClock();
  await system.advance(10);
  clock.stop();
  clock.stop();
  await system.advance(1_000);
  assert.equal(clock.now(), 10);
  clock.start();
  clock.start();
  await system.advance(5);
  assert.equal(clock.now(), 15);
});

test("a timer rings after its time, without the time in which the clock was stopped", async () => {
  const { system, clock } = newClock();
  const rang: number[] = [];
  clock.after(100, () => rang.push(clock.now()));
  await system.advance(60);
  clock.stop();
  await system.advance(40_000);
  assert.deepEqual(rang, []);
  clock.start();
  await system.advance(39);
  assert.deepEqual(rang, []);
  await system.advance(1);
  assert.deepEqual(rang, [100]);
  assert.equal(system.timers, 0);
});

test("a timer that is stopped does not ring, also if the clock has been stopped meanwhile", async () => {
  const { system, clock } = newClock();
  const timer = clock.after(100, () => assert.fail("it rings"));
  clock.stop();
  await system.advance(500);
  clock.start();
  timer.stop();
  await system.advance(500);
  assert.equal(system.timers, 0);
});

test("a timer of months is set again and again, as the system has none so long", async () => {
  const sets: number[] = [];
  const system = new VirtualClock();
  const clock = new StoppableClock({
    now: () => system.now(),
    set: (action, ms) => {
      sets.push(ms);
      return system.after(ms, action);
    },
    clear: () => {},
  });
  const days = 24 * 3_600_000;
  let rang = 0;
  clock.after(60 * days, () => rang += 1);
  await system.advance(59 * days);
  assert.equal(rang, 0);
  await system.advance(days);
  assert.equal(rang, 1);
  assert.equal(sets.length, 3);
  assert(sets.every((ms) => ms < 2 ** 31));
});

/** A clock whose time and timers come from a virtual one. */
function newClock() {
  const system = new VirtualClock();
  const clock = new StoppableClock({
    now: () => system.now(),
    set: (action, ms) => system.after(ms, action),
    clear: (timer) => (timer as { stop(): void }).stop(),
  });
  return { system, clock };
}
