/** The permits of processes that try cores, in virtual time. */

import assert from "node:assert/strict";
import {
  type TrialPermit,
  TRIALS_MAX,
  TrialSemaphore,
} from "../../../worker/slots/trial_semaphore.ts";
import { test } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";

const NEVER = new AbortController().signal;

/** Tries cores that never load, and counts the processes. */
class Hanging {
  running = 0;
  most = 0;

  constructor(readonly semaphore: TrialSemaphore) {}

  async try(): Promise<void> {
    for (let count = 0;; count++) {
      const permit = await this.semaphore.acquire(count, NEVER);
      permit.onStarted();
      this.most = Math.max(this.most, ++this.running);
      await new Promise((resolve) => permit.revoked.addEventListener("abort", resolve));
      this.running -= 1;
      permit.release();
    }
  }
}

test("at most four cores are tried at once, and a new one soon, however many hang", async () => {
  const clock = new VirtualClock();
  const semaphore = new TrialSemaphore(clock);
  const hanging = new Hanging(semaphore);
  for (let count = 0; count < 120; count++) void hanging.try();
  await clock.advance(0);
  for (let newcomer = 0; newcomer < 20; newcomer++) {
    let permit: TrialPermit | undefined;
    void semaphore.acquire(0, NEVER).then((taken) => permit = taken);
    await clock.advance(1_001);
    assert(permit, "it has its permit within a second");
    permit.release();
  }
  assert.equal(hanging.most, TRIALS_MAX);
});

test("a new core is tried soon when those that hang have had hours of turns", async () => {
  const clock = new VirtualClock();
  const semaphore = new TrialSemaphore(clock);
  const hanging = new Hanging(semaphore);
  for (let count = 0; count < 12; count++) void hanging.try();
  for (let hour = 0; hour < 3; hour++) await clock.advance(3_600_000);
  let permit: TrialPermit | undefined;
  void semaphore.acquire(0, NEVER).then((taken) => permit = taken);
  await clock.advance(1_001);
  assert(permit, "it has its permit within a second");
});

test("one process starts at a time, and the next one waits as long as that took", async () => {
  const clock = new VirtualClock();
  const semaphore = new TrialSemaphore(clock);
  const started: TrialPermit[] = [];
  for (let count = 0; count < TRIALS_MAX; count++) {
    void semaphore.acquire(0, NEVER).then((permit) => started.push(permit));
  }
  await clock.advance(300);
  assert.equal(started.length, 1);
  started[0]?.onStarted();
  await clock.advance(299);
  assert.equal(started.length, 1);
  await clock.advance(1);
  assert.equal(started.length, 2);
  await clock.advance(60_000);
  started[1]?.release(); // it could not start
  await clock.advance(2_000);
  assert.equal(started.length, 3, "nobody waits longer than for two seconds");
});

test("a core that takes a minute to load gets a turn that is long enough, while others wait", async () => {
  const clock = new VirtualClock();
  const semaphore = new TrialSemaphore(clock);
  const hanging = new Hanging(semaphore);
  for (let count = 0; count < 8; count++) void hanging.try();
  let isLoaded = false;
  const load = async () => {
    for (let count = 0; !isLoaded; count++) {
      const permit = await semaphore.acquire(count, NEVER);
      permit.onStarted();
      const done = clock.after(60_000, () => isLoaded = true);
      await clockOrEnd(clock, permit.revoked, 60_000);
      done.stop();
      permit.release();
    }
  };
  void load();
  await clock.until("it is loaded", () => isLoaded);
  assert(clock.now() < 600_000, `after ${clock.now()} ms`);
});

test("nothing gives way while nobody waits, and who no longer waits gets no turn", async () => {
  const clock = new VirtualClock();
  const semaphore = new TrialSemaphore(clock);
  const running: TrialPermit[] = [];
  for (let count = 0; count < TRIALS_MAX; count++) {
    const permit = await semaphore.acquire(0, NEVER);
    permit.onStarted();
    running.push(permit);
  }
  await clock.advance(60_000);
  assert(running.every(({ revoked }) => !revoked.aborted));
  const gone = new AbortController();
  const taken = semaphore.acquire(0, gone.signal);
  gone.abort(new Error("gone"));
  await assert.rejects(taken, /gone/);
  running[0]?.release();
  (await semaphore.acquire(0, NEVER)).release();
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
