/** When a worker ends by itself. */

import assert from "node:assert/strict";
import type { DispatchId, EndpointId } from "../../pool/ids.ts";
import type { RunningJob } from "../../pool/job_durations.ts";
import { type LastReason, Lifetime, type LifetimeOptions } from "../../worker/lifetime.ts";
import { test } from "../lib/test.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";

const MINUTE_MS = 60_000;

/** How often the worker looks: seldom, as each time costs some turns of the event loop. */
const TICK_MS = 5_000;

/** A clock whose wall-clock time somebody sets. */
class SetClock extends VirtualClock {
  aheadMs = 0;

  override date(): number {
    return this.now() + this.aheadMs;
  }
}

/** A worker with one slot, in which jobs run one after the other. */
class OneSlot {
  readonly clock = new SetClock();
  readonly last: (LastReason & { readonly atMs: number })[] = [];
  readonly over: { readonly running: number; readonly atMs: number }[] = [];
  readonly #lifetime: Lifetime;
  #jobs: RunningJob[] = [];
  work = { slotsBusy: 0, jobsWaiting: 0, slotsLoading: 0, done: 0, failed: 0 };
  #sent = 0;

  constructor(options: Omit<LifetimeOptions, "clock">, tickMs = TICK_MS) {
    const { clock } = this;
    this.#lifetime = new Lifetime({ clock, ...options }, {
      onLast: (reason) => this.last.push({ ...reason, atMs: clock.now() }),
      onOver: (running) => this.over.push({ running, atMs: clock.now() }),
    });
    clock.every(tickMs, () => this.#onTick());
  }

  #onTick(): void {
    const slotsBusy = this.work.slotsBusy + this.#jobs.length;
    this.#lifetime.onTick(this.#jobs, { ...this.work, slotsBusy });
  }

  /** Runs a job for so long, unless it takes no more. */
  async runs(ms: number): Promise<void> {
    if (this.last.length > 0) return;
    const sentAtMs = this.clock.now();
    const ids = { endpoint: 1 as EndpointId, dispatch: ++this.#sent as DispatchId };
    this.#jobs = [{ ...ids, job: { sentAtMs } }];
    await this.clock.advance(ms);
    this.#jobs = [];
    await this.clock.advance(TICK_MS);
  }
}

test("a worker takes no job that would not end before its time is over", async () => {
  const slot = new OneSlot({ endsAtMs: 60 * MINUTE_MS });
  for (let jobs = 0; jobs < 10; jobs++) await slot.runs(7 * MINUTE_MS);
  const [last] = slot.last;
  assert(last?.kind === "time is short");
  assert(last.leftMs < 8 * MINUTE_MS && last.leftMs > 7 * MINUTE_MS, `${last.leftMs} ms left`);
  assert(Math.abs(last.expectedMs - 7 * MINUTE_MS) <= TICK_MS);
  assert.deepEqual(slot.last.length, 1);
});

test("a worker whose first job still runs expects another one to take as long at least", async () => {
  const slot = new OneSlot({ endsAtMs: 60 * MINUTE_MS });
  await slot.runs(120 * MINUTE_MS);
  assert.equal(slot.last[0]?.kind, "time is short");
  const atMs = slot.last[0]?.atMs ?? 0;
  assert(atMs > 25 * MINUTE_MS && atMs < 32 * MINUTE_MS, `after ${atMs} ms`);
});

test("a worker gives up the jobs that still run when its time is over, once and in time", async () => {
  const slot = new OneSlot({ endsAtMs: 60 * MINUTE_MS });
  await slot.runs(120 * MINUTE_MS);
  const [over] = slot.over;
  assert(over && slot.over.length === 1);
  assert.equal(over.running, 1);
  assert(over.atMs >= 59 * MINUTE_MS && over.atMs < 60 * MINUTE_MS);
});

test("rare long jobs do not end a worker whose jobs are short", async () => {
  const slot = new OneSlot({ endsAtMs: 60 * MINUTE_MS });
  await slot.runs(20 * MINUTE_MS);
  for (let jobs = 0; jobs < 60; jobs++) await slot.runs(MINUTE_MS / 2);
  assert.equal(slot.last.length, 0);
});

test("a worker ends after its idle timeout, counted from its last job", async () => {
  const slot = new OneSlot({ idleMs: 10 * MINUTE_MS });
  await slot.clock.advance(9 * MINUTE_MS);
  await slot.runs(30 * MINUTE_MS);
  await slot.clock.advance(9 * MINUTE_MS);
  assert.equal(slot.last.length, 0);
  await slot.clock.advance(2 * MINUTE_MS);
  assert.equal(slot.last[0]?.kind, "idle");
  assert.deepEqual(slot.over, []);
});

test("a worker is not idle while jobs wait, while a core is loaded, while an output is sent, and if a job has come and gone", async () => {
  const slot = new OneSlot({ idleMs: 10 * MINUTE_MS });
  const nothing = slot.work;
  for (const work of [{ jobsWaiting: 1 }, { slotsLoading: 1 }, { slotsBusy: 1 }]) {
    slot.work = { ...nothing, ...work };
    await slot.clock.advance(20 * MINUTE_MS);
  }
  for (const work of [{ done: 1 }, { done: 1, failed: 1 }, { done: 2, failed: 1 }]) {
    slot.work = { ...nothing, ...work };
    await slot.clock.advance(6 * MINUTE_MS);
  }
  assert.equal(slot.last.length, 0);
  await slot.clock.advance(11 * MINUTE_MS);
  assert.equal(slot.last[0]?.kind, "idle");
});

test("a limit does not change with the clock, but the end that a batch system gives does", async () => {
  const limited = new OneSlot({ limitMs: 120 * MINUTE_MS });
  const inBatch = new OneSlot({ limitMs: 120 * MINUTE_MS, endsAtMs: 90 * MINUTE_MS });
  for (const slot of [limited, inBatch]) {
    slot.clock.aheadMs = 60 * MINUTE_MS;
    await slot.clock.advance(29 * MINUTE_MS);
    assert.equal(slot.last.length, 0);
    await slot.clock.advance(MINUTE_MS);
  }
  assert.deepEqual([limited.last.length, inBatch.last.length], [0, 1]);
  await limited.clock.advance(89 * MINUTE_MS);
  assert.equal(limited.last.length, 0);
  await limited.clock.advance(MINUTE_MS);
  assert.equal(limited.last[0]?.kind, "time is short");
});

test("a limit goes on while the clock of the worker is stopped", async () => {
  const steady = new VirtualClock();
  const slot = new OneSlot({ limitMs: 60 * MINUTE_MS, steady });
  await steady.advance(60 * MINUTE_MS);
  await slot.clock.advance(TICK_MS);
  assert.equal(slot.last[0]?.kind, "time is short");
});

test("a worker with little time keeps only a part of it in reserve", async () => {
  const slot = new OneSlot({ endsAtMs: 10_000 }, 100);
  await slot.clock.advance(8_900);
  assert.equal(slot.last.length, 0);
  await slot.clock.advance(200);
  assert.equal(slot.last[0]?.kind, "time is short");
});
