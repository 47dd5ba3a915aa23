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
  for (let newcomer = 0; newcomer < 20; newcomer++) {
    let turn: ProbeTurn | undefined;
    void turns.take(0, NEVER).then((taken) => turn = taken);
    await clock.advance(1_001);
    assert(turn, "it has its turn within a second");
    turn.end();
  }
  assert.equal(hanging.most, PROBES_MAX);
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
  const running = await Promise.all(
    Array.from({ length: PROBES_MAX }, () => turns.take(0, NEVER)),
  );
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
