/** Which job is to blame when the watchdog has killed a slot. The slots are fakes. */

import assert from "node:assert/strict";
import process from "node:process";
import { Pool } from "../../../pool/pool.ts";
import type { CoreKey, DispatchId, EndpointId } from "../../../pool/types.ts";
import { type JobLimits, NO_LIMITS } from "../../../protocol/mod.ts";
import type { StoredCore } from "../../../worker/cores/stored_core.ts";
import { isAnswerWanted, RECEIVED, type RelayedJob } from "../../../worker/job.ts";
import { CAN_MEASURE_MEMORY } from "../../../worker/slots/job_limits.ts";
import { Watchdog } from "../../../worker/slots/watchdog.ts";
import { silentLog } from "../../../system/log.ts";
import { thisSystem } from "../../../runtime/proc_files.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";
import { test, testUnless } from "../../lib/test.ts";

const CORE = "core" as CoreKey;
const NONE = 0 as DispatchId;
const SHORT_TIME = { timeMs: 1, memoryBytes: 0 };
const ORPHAN_LIMIT_MS = 1_000;
const LITTLE_MEMORY = { timeMs: 0, memoryBytes: 1 };

const cannotTell = CAN_MEASURE_MEMORY ? undefined : "this system does not tell memory";

testUnless(
  cannotTell,
  "a job over its memory limit before it has started is to blame if its process ran no other job",
  () => {
    const worker = new WatchedWorker([LITTLE_MEMORY]);
    worker.runSlot();
    assert.equal(worker.endSlot(NONE), "memory");
    assert.equal(worker.queued, 0);
  },
);

testUnless(
  cannotTell,
  "a job over its memory limit in processes that ran others is to blame the third time, and runs again before",
  () => {
    const worker = new WatchedWorker([LITTLE_MEMORY]);
    for (const blamed of [undefined, undefined, "memory"]) {
      const [job] = worker.runSlot({ jobsBefore: 1 });
      assert.equal(worker.endSlot((job as number) - 1 as DispatchId), blamed);
    }
    assert.equal(worker.queued, 0);
  },
);

test("a job that had finished just before its slot was killed runs again, at most twice", () => {
  const worker = new WatchedWorker([SHORT_TIME, { timeMs: 0, memoryBytes: 0 }]);
  for (const blamed of [undefined, undefined, "timeout"]) {
    const [job, next] = worker.runSlot();
    worker.lastStarted = job;
    worker.look(0);
    worker.look(1000);
    assert.equal(worker.endSlot(next as DispatchId), blamed);
  }
  assert.equal(worker.queued, 1);
});

test("a job that its slot is still receiving is not over its time limit", () => {
  const worker = new WatchedWorker([SHORT_TIME]);
  worker.runSlot();
  for (const nowMs of [0, 1000, 1e9]) worker.look(nowMs);
  assert.equal(worker.isKilled, false);
});

test("a canceled job may run for 200 ms from when it is first seen, and an orphaned one as long as the worker says", () => {
  for (
    const [state, limitMs] of [["canceled", 200], ["orphaned", ORPHAN_LIMIT_MS]] as const
  ) {
    const worker = new WatchedWorker([NO_LIMITS]);
    [worker.lastStarted] = worker.runSlot();
    worker.isUnwanted(0, state);
    worker.tick(1_000);
    worker.tick(1_000 + limitMs - 1);
    assert.equal(worker.isKilled, false, state);
    worker.tick(1_000 + limitMs);
    assert.equal(worker.isKilled, true, state);
  }
});

test("the time of a canceled job that has ended does not count for the next one in its slot", () => {
  const worker = new WatchedWorker([NO_LIMITS, NO_LIMITS, NO_LIMITS]);
  const [first, second, third] = worker.runSlot();
  worker.lastStarted = first;
  worker.isUnwanted(0, "canceled");
  worker.tick(0);
  worker.answers(first as DispatchId);
  worker.lastStarted = second;
  worker.tick(100);
  worker.answers(second as DispatchId);
  worker.lastStarted = third;
  worker.isUnwanted(2, "canceled");
  worker.tick(300);
  worker.tick(499);
  assert.equal(worker.isKilled, false);
  worker.tick(500);
  assert.equal(worker.isKilled, true);
});

test("a canceled job that begins behind another one in its slot has a time of its own", () => {
  const worker = new WatchedWorker([NO_LIMITS, NO_LIMITS]);
  const [first, second] = worker.runSlot();
  worker.lastStarted = first;
  worker.isUnwanted(0, "canceled");
  worker.isUnwanted(1, "canceled");
  worker.tick(0);
  worker.answers(first as DispatchId);
  worker.lastStarted = second;
  worker.tick(150);
  worker.tick(349);
  assert.equal(worker.isKilled, false);
  worker.tick(350);
  assert.equal(worker.isKilled, true);
});

test("a job that the slot was killed for is not to blame if it had ended by then, and only then", () => {
  for (const [ended, blamed] of [[false, "timeout"], [true, undefined]] as const) {
    const worker = new WatchedWorker([SHORT_TIME, NO_LIMITS]);
    const [job, next] = worker.runSlot();
    worker.lastStarted = job;
    worker.look(0);
    worker.look(1000);
    assert.equal(worker.endSlot((ended ? next : job) as DispatchId), blamed);
  }
});

test("a job that has ended is not over its time limit while its core frees the output", () => {
  const worker = new WatchedWorker([SHORT_TIME, NO_LIMITS]);
  [worker.lastStarted] = worker.runSlot();
  worker.look(0);
  worker.freeing = worker.lastStarted as DispatchId;
  worker.answers(worker.freeing);
  worker.look(1_000);
  worker.look(1e9);
  assert.equal(worker.isKilled, false, "the next job has no limit");
});

test("a process that has ended by itself was not killed, although its slot is not lost yet", () => {
  const worker = new WatchedWorker([SHORT_TIME]);
  [worker.lastStarted] = worker.runSlot();
  worker.hasEnded = true;
  worker.look(0);
  worker.look(1_000);
  assert.equal(worker.blamedFor(worker.lastStarted as DispatchId), undefined);
});

test("a slot is killed when a job has waited for its time limit for an output to be freed, and no job is to blame", () => {
  const worker = new WatchedWorker([NO_LIMITS, SHORT_TIME]);
  const [ended] = worker.runSlot();
  worker.lastStarted = worker.freeing = ended as DispatchId;
  worker.answers(worker.freeing);
  worker.tick(1_000);
  worker.tick(1_001);
  assert.equal(worker.isKilled, false);
  worker.tick(1_002);
  assert.equal(worker.isKilled, true);
  assert.equal(worker.endSlot(ended as DispatchId), undefined);
  assert.equal(worker.queued, 1);
});

test("a job without a limit waits ten minutes for an output to be freed, also one that is canceled", () => {
  for (const isCanceled of [false, true]) {
    const worker = new WatchedWorker([NO_LIMITS, NO_LIMITS]);
    const [ended] = worker.runSlot();
    worker.lastStarted = worker.freeing = ended as DispatchId;
    worker.answers(worker.freeing);
    if (isCanceled) worker.isUnwanted(1, "canceled");
    worker.tick(1_000);
    worker.tick(601_000);
    assert.equal(worker.isKilled, false);
    worker.tick(601_001);
    assert.equal(worker.isKilled, true);
    assert.equal(worker.endSlot(ended as DispatchId), undefined);
    assert.equal(worker.queued, isCanceled ? 0 : 1);
  }
});

test("a job whose process dumps its core has crashed, whatever its limits are, unless the dump has no end", () => {
  for (const limits of [SHORT_TIME, LITTLE_MEMORY]) {
    const worker = new WatchedWorker([limits]);
    [worker.lastStarted] = worker.runSlot();
    worker.isDumping = true;
    worker.look(0);
    worker.look(10);
    worker.isDumping = false; // the dump has ended, and the end of the process is not known yet
    worker.look(300_000);
    assert.equal(worker.isKilled, false);
    worker.look(300_011);
    assert.equal(worker.isKilled, true);
    assert.equal(worker.endSlot(worker.lastStarted as DispatchId), "crash");
  }
});

/** A worker with one slot at a time. Memory is measured in the test's own process. */
class WatchedWorker {
  isKilled = false;
  lastStarted: DispatchId | undefined;
  freeing = NONE;
  isDumping = false;
  hasEnded = false;
  #process = {};
  #endpoint = NONE as number as EndpointId;
  #sent: DispatchId[] = [];
  readonly #jobs: RelayedJob[] = [];
  #jobsBefore = 0;
  #blamed: string | undefined;
  readonly #pool = new Pool<RelayedJob>({
    load: () => {},
    send: (_, dispatch) => void this.#sent.push(dispatch),
    crashed: () => assert.fail("no job crashes"),
    dropped: ({ payload }) => assert(!isAnswerWanted(payload)),
    coreUnavailable: () => assert.fail("the core loads"),
  }, { onLost: "isolate", isLocal: true, endpointBytesMax: 1000 });
  readonly #watchdog = new Watchdog({
    pool: this.#pool,
    clock: new VirtualClock(),
    system: {
      ...thisSystem,
      text: (path) => this.isDumping ? "VmRSS:\t1 kB\nCoreDumping:\t1\n" : thisSystem.text(path),
    },
    log: silentLog,
    processAt: () =>
      Object.assign(this.#process, {
        pid: process.pid,
        jobs: this.#jobsBefore + this.#sent.length,
        lastStarted: this.lastStarted ?? NONE,
        freeing: this.freeing,
        kill: () => this.isKilled = !this.hasEnded,
      }),
    loading: () => [],
    orphanLimitMs: ORPHAN_LIMIT_MS,
    onFailed: (_, kind) => this.#blamed = kind,
  });

  constructor(limits: readonly JobLimits[]) {
    const client = this.#pool.onClientUp();
    const core = {} as StoredCore;
    for (const each of limits) {
      const job = { limits: each, state: RECEIVED } as RelayedJob;
      const entry = this.#pool.onJob(client, CORE, 1, job, 0);
      assert(entry);
      this.#jobs.push(job);
      job.state = { name: "scheduled", core, entry };
    }
  }

  get queued(): number {
    return this.#pool.counts().queued;
  }

  /** A process starts, and gets all waiting jobs. */
  runSlot({ jobsBefore = 0 } = {}): DispatchId[] {
    this.#sent = [];
    this.#jobsBefore = jobsBefore;
    this.lastStarted = undefined;
    this.freeing = NONE;
    this.isKilled = false;
    this.#process = {};
    this.#endpoint = this.#pool.onEndpointUp(this.queued);
    this.#pool.load(this.#endpoint, CORE);
    this.#pool.onLoaded(this.#endpoint, 0);
    this.#pool.schedule(0);
    return this.#sent;
  }

  look(nowMs: number): void {
    this.#watchdog.checkLimits(nowMs);
  }

  tick(nowMs: number): void {
    this.#watchdog.onTick(nowMs);
  }

  /** The answer of a job, by its number, is not wanted any more. */
  isUnwanted(number: number, name: "canceled" | "orphaned"): void {
    const job = this.#jobs[number] as RelayedJob;
    assert(job.state.name === "scheduled");
    this.#pool.onCanceled(job.state.entry);
    job.state = { name, core: job.state.core };
  }

  answers(dispatch: DispatchId): void {
    this.#pool.onAnswer(this.#endpoint, dispatch, 0);
  }

  /** The process was killed because of its job. Returns the kind of failure of the job that fails, if one does. */
  endSlot(lastStarted: DispatchId): string | undefined {
    this.look(0);
    assert(this.isKilled);
    this.blamedFor(lastStarted);
    this.#pool.onEndpointLost(this.#endpoint, "was over a limit");
    return this.#blamed;
  }

  /** The slot is lost. Returns the same. */
  blamedFor(lastStarted: DispatchId): string | undefined {
    this.#watchdog.onLost(this.#endpoint, "was over a limit", lastStarted, 0);
    return this.#blamed;
  }
}
