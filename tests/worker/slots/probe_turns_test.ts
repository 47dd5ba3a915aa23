/** The turns of processes that try cores, in virtual time. */

import assert from "node:assert/strict";
import { PROBES_MAX, type ProbeTurn, ProbeTurns } from "../../../worker/slots/probe_turns.ts";
import { test } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";

const NEVER = new AbortController().signal;

/** Tries cores that never load, and counts the processes. */
class Hanging {
  running = 0;
  most = 0;

  constructor(readonly turns: ProbeTurns) {}

  async try(): Promise<void> {
    for (let count = 0;; count++) {
      const turn = await this.turns.take(count, NEVER);
      turn.begin();
      this.most = Math.max(this.most, ++this.running);
      await new Promise((resolve) => turn.over.addEventListener("abort", resolve));
      this.running -= 1;
      turn.end();
    }
  }
}

test("at most four cores are tried at once, and a new one soon, however many hang", async () => {
  const clock = new VirtualClock();
  const turns = new ProbeTurns(clock);
  const hanging = new Hanging(turns);
  for (let count = 0; count < 120; count++) void hanging.try();
  await clock.advance(0);
  for (let newcomer = 0; newcomer < 20; newcomer++) {
    let turn: ProbeTurn | undefined;
    void turns.take(0, NEVER).then((taken) => turn = taken);
    await clock.advance(1_001);
    assert(turn, "it has its turn within a second");
    turn.end();
  }
  assert.equal(hanging.most, PROBES_MAX);
});

test("a new core is tried soon when those that hang have had hours of turns", async () => {
  const clock = new VirtualClock();
  const turns = new ProbeTurns(clock);
  const hanging = new Hanging(turns);
  for (let count = 0; count < 12; count++) void hanging.try();
  for (let hour = 0; hour < 3; hour++) await clock.advance(3_600_000);
  let turn: ProbeTurn | undefined;
  void turns.take(0, NEVER).then((taken) => turn = taken);
  await clock.advance(1_001);
  assert(turn, "it has its turn within a second");
});

test("one process starts at a time, and the next one waits as long as that took", async () => {
  const clock = new VirtualClock();
  const turns = new ProbeTurns(clock);
  const started: ProbeTurn[] = [];
  for (let count = 0; count < PROBES_MAX; count++) {
    void turns.take(0, NEVER).then((turn) => started.push(turn));
  }
  await clock.advance(300);
  assert.equal(started.length, 1);
  started[0]?.begin();
  await clock.advance(299);
  assert.equal(started.length, 1);
  await clock.advance(1);
  assert.equal(started.length, 2);
  await clock.advance(60_000);
  started[1]?.end(); // it could not start
  await clock.advance(2_000);
  assert.equal(started.length, 3, "nobody waits longer than for two seconds");
});

test("a core that takes a minute to load gets a turn that is long enough, while others wait", async () => {
  const clock = new VirtualClock();
  const turns = new ProbeTurns(clock);
  const hanging = new Hanging(turns);
  for (let count = 0; count < 8; count++) void hanging.try();
  let isLoaded = false;
  const load = async () => {
    for (let count = 0; !isLoaded; count++) {
      const turn = await turns.take(count, NEVER);
      turn.begin();
      const done = clock.after(60_000, () => isLoaded = true);
      await clockOrEnd(clock, turn.over, 60_000);
      done.stop();
      turn.end();
    }
  };
  void load();
  await clock.until("it is loaded", () => isLoaded);
  assert(clock.now() < 600_000, `after ${clock.now()} ms`);
});

test("nothing gives way while nobody waits, and who no longer waits gets no turn", async () => {
  const clock = new VirtualClock();
  const turns = new ProbeTurns(clock);
  const running: ProbeTurn[] = [];
  for (let count = 0; count < PROBES_MAX; count++) {
    const turn = await turns.take(0, NEVER);
    turn.begin();
    running.push(turn);
  }
  await clock.advance(60_000);
  assert(running.every(({ over }) => !over.aborted));
  const gone = new AbortController();
  const taken = turns.take(0, gone.signal);
  gone.abort(new Error("gone"));
  await assert.rejects(taken, /gone/);
  running[0]?.end();
  (await turns.take(0, NEVER)).end();
});

function clockOrEnd(clock: VirtualClock, over: AbortSignal, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.after(ms, resolve);
    over.addEventListener("abort", () => {
      timer.stop();
      resolve();
    });
  });
}
