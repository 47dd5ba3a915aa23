/** Pauses that an abort ends early leave nothing behind. */

import assert from "node:assert/strict";
import { pause } from "../../system/pause.ts";
import { countListeners } from "../lib/listeners.ts";
import { test } from "../lib/test.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";

test("a pause lasts as long as it is told to", async () => {
  const clock = new VirtualClock();
  let isOver = false;
  void pause(clock, 1_000, new AbortController().signal).then(() => isOver = true);
  await clock.advance(999);
  assert.equal(isOver, false);
  await clock.advance(1);
  assert.equal(isOver, true);
});

test("an abort ends a pause at once, and a pause after the abort takes no time", async () => {
  const clock = new VirtualClock();
  const abort = new AbortController();
  const pauses = [pause(clock, 1_000, abort.signal), pause(clock, 1_000, abort.signal)];
  abort.abort();
  await Promise.all([...pauses, pause(clock, 1_000, abort.signal)]);
  assert.equal(clock.now(), 0);
  assert.equal(clock.timers, 0);
});

test("a pause leaves no listener on the signal, however it ends", async () => {
  const clock = new VirtualClock();
  const abort = new AbortController();
  const listeners = countListeners(abort.signal);
  const paused = pause(clock, 1_000, abort.signal);
  assert.equal(listeners(), 1);
  await clock.advance(1_000);
  await paused;
  assert.equal(listeners(), 0);
  const aborted = pause(clock, 1_000, abort.signal);
  abort.abort();
  await aborted;
  assert.equal(listeners(), 0);
});
