/** Which job is to blame when a slot was ended for one. Slots are here what the test says of them. */

import assert from "node:assert/strict";
import process from "node:process";
import { Pool } from "../../pool/pool.ts";
import type { CoreKey, DispatchId, EndpointId } from "../../pool/types.ts";
import type { JobLimits } from "../../protocol/mod.ts";
import type { RelayedJob } from "../../worker/controllers/connection.ts";
import { JobWatch } from "../../worker/slots/job_watch.ts";
import { CAN_WATCH_MEMORY } from "../../worker/slots/limits.ts";
import { test, testUnless } from "../lib/test.ts";

const CORE = "core" as CoreKey;
const NONE = 0 as DispatchId;
const SHORT_TIME = { timeMs: 1, memoryBytes: 0 };
const LITTLE_MEMORY = { timeMs: 0, memoryBytes: 1 };

const cannotTell = CAN_WATCH_MEMORY ? undefined : "this system does not tell memory";

testUnless(
  cannotTell,
  "a job over its memory limit before it has begun is to blame if its process ran no other",
  () => {
    const worker = new WatchedWorker([LITTLE_MEMORY]);
    worker.runSlot();
    assert.equal(worker.endSlot(NONE), "memory");
    assert.equal(worker.queued, 0);
  },
);

testUnless(
  cannotTell,
  "in processes that ran others it goes back twice, and the third time it is to blame",
  () => {
    const worker = new WatchedWorker([LITTLE_MEMORY]);
    for (const blamed of [undefined, undefined, "memory"]) {
      const [job] = worker.runSlot({ jobsBefore: 1 });
      assert.equal(worker.endSlot((job as number) - 1 as DispatchId), blamed);
    }
    assert.equal(worker.queued, 0);
  },
);

test("a job that had ended in the moment in which it was ended runs again, and so twice at most", () => {
  const worker = new WatchedWorker([SHORT_TIME, { timeMs: 0, memoryBytes: 0 }]);
  for (const blamed of [undefined, undefined, "timeout"]) {
    const [job, next] = worker.runSlot();
    worker.begunLast = job;
    worker.look(0);
    worker.look(1000);
    assert.equal(worker.endSlot(next as DispatchId), blamed);
  }
  assert.equal(worker.queued, 1);
});

test("a job that is still being handed in is not over its time limit", () => {
  const worker = new WatchedWorker([SHORT_TIME]);
  worker.runSlot();
  for (const nowMs of [0, 1000, 1e9]) worker.look(nowMs);
  assert.equal(worker.isKilled, false);
});

/** A worker with one slot at a time, whose process is the test's own as far as memory goes. */
class WatchedWorker {
  isKilled = false;
  begunLast: DispatchId | undefined;
  #endpoint = NONE as number as EndpointId;
  #sent: DispatchId[] = [];
  #jobsBefore = 0;
  #blamed: string | undefined;
  readonly #pool = new Pool<RelayedJob>({
    load: () => {},
    send: (_, dispatch) => void this.#sent.push(dispatch),
    crashed: () => assert.fail("no job crashes"),
    dropped: () => assert.fail("all jobs are wanted"),
    coreUnavailable: () => assert.fail("the core loads"),
  }, { onLost: "isolate", isLocal: true, endpointBytesMax: 1000 });
  readonly #watch = new JobWatch(
    this.#pool,
    {
      pidOf: () => process.pid,
      jobsAt: () => this.#jobsBefore + this.#sent.length,
      begunLast: () => this.begunLast,
      kill: () => this.isKilled = true,
    },
    1000,
    (_, kind) => this.#blamed = kind,
  );

  constructor(limits: readonly JobLimits[]) {
    const client = this.#pool.onClientUp();
    for (const each of limits) {
      const payload = { limits: each, timesOver: 0 } as RelayedJob;
      this.#pool.onJob(client, CORE, 1, payload, 0);
    }
  }

  get queued(): number {
    return this.#pool.counts().queued;
  }

  /** A process comes, and gets all jobs that wait. */
  runSlot({ jobsBefore = 0 } = {}): DispatchId[] {
    this.#sent = [];
    this.#jobsBefore = jobsBefore;
    this.begunLast = undefined;
    this.isKilled = false;
    this.#endpoint = this.#pool.onEndpointUp(this.queued);
    this.#pool.load(this.#endpoint, CORE);
    this.#pool.onLoaded(this.#endpoint, 0);
    this.#pool.schedule(0);
    return this.#sent;
  }

  look(nowMs: number): void {
    this.#watch.endExcessive(nowMs);
  }

  /** The process is ended for its job. Gives the kind of failure of the job that fails for that, if one does. */
  endSlot(begunLast: DispatchId): string | undefined {
    this.look(0);
    assert(this.isKilled);
    this.#watch.onLost(this.#endpoint, "was over a limit", begunLast);
    this.#pool.onEndpointLost(this.#endpoint, "was over a limit");
    return this.#blamed;
  }
}
