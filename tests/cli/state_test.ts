/** The state of a run and of a worker as text, for those who ask with SIGUSR1. */

import assert from "node:assert/strict";
import { stateText } from "../../cli/run_state.ts";
import { workerStateLines } from "../../cli/worker_state.ts";
import type { RunSnapshot } from "../../controller/run.ts";
import { test } from "../lib/test.ts";
import { statusWith } from "./statuses.ts";

const NODES: RunSnapshot["workers"] = [
  { name: "node1:7433", slots: 8, slotsBusy: 8, jobsPerSecond: 51.23, isDraining: false },
  { name: "node12:7433", slots: 8, slotsBusy: 3, jobsPerSecond: 0.5, isDraining: true },
];

test("the state of a run has its jobs, its workers, and the jobs that run longest", () => {
  const oldest = [{ name: "in/a", worker: "node1:7433", sentMsAgo: 185_000 }];
  const status = statusWith({ failed: 2, skipsLeft: 100, elapsedMs: 245_000 });
  assert.deepEqual(stateText({ status, phase: "running", workers: NODES, oldest }).split("\n"), [
    "after 4m 5s: 500 done, 2 failed, 11 running, 387 waiting; 2 workers, 16 slots",
    "  node1:7433   8 of 8 slots busy, 51.2 jobs/s",
    "  node12:7433  3 of 8 slots busy, 0.5 jobs/s, draining",
    "  running for 3m 5s on node1:7433: in/a",
  ]);
});

test("the state of a run says how many slots load the core", () => {
  const status = statusWith({ loading: { slots: 1, slotsTotal: 8, ms: 61_000 } });
  const text = stateText({ status, phase: "running", workers: [], oldest: [] });
  assert.match(text, /; 0 workers, 0 slots; loading core on 1 of 8 slots, 1m 1s$/);
});

test("the state of a run says when the number of inputs is not known, and that the run comes to its end", () => {
  const status = statusWith({ total: undefined, queued: 7, elapsedMs: 1_000 });
  const snapshot = { status, workers: [], oldest: [] };
  assert.equal(
    stateText({ ...snapshot, phase: "draining" }),
    "after 1s: 500 done, 0 failed, 0 running, 7 waiting (more may come); 0 workers, 0 slots; " +
      "starting no more jobs",
  );
  assert.match(stateText({ ...snapshot, phase: "ending" }), /; ending$/);
});

test("the state of a run names twenty workers, however many there are, and no control characters", () => {
  const worker = { slots: 1, slotsBusy: 1, jobsPerSecond: 1, isDraining: false };
  const workers = Array.from(
    { length: 1_000 },
    (_, index) => ({ ...worker, name: `\x1bn${index}` }),
  );
  const lines = stateText({ status: statusWith(), phase: "running", workers, oldest: [] }).split(
    "\n",
  );
  assert.equal(lines.length, 22);
  assert.equal(lines[1], "   n0   1 of 1 slot busy, 1 jobs/s");
  assert.equal(lines.at(-1), "  and 980 more workers");
});

test("the state of a worker has its slots, controllers, cores and memory", () => {
  const controllers = ["10.0.0.1:5", "10.0.0.2:5"];
  const jobs = { done: 1204, failed: 3 };
  const status = { isDraining: false, slots: 8, slotsBusy: 7, jobsWaiting: 12, jobs, controllers };
  const memory = { slotsBytes: 1.2e9, memoryFreeBytes: 12.3e9 };
  const cores = [{ name: "mandel.so", key: "0123456789abcdef", slots: 8 }];
  assert.deepEqual(workerStateLines({ ...status, ...memory, cores }), [
    "7 of 8 slots busy, 12 jobs waiting",
    "  jobs so far: 1,204 done, 3 failed",
    "  2 controllers: 10.0.0.1:5, 10.0.0.2:5",
    "  core mandel.so (0123456789ab) in 8 slots",
    "  memory: 1.2 GB in slots, 12.3 GB free",
  ]);
  assert.deepEqual(
    workerStateLines({ ...status, ...memory, slotsBytes: undefined, isDraining: true, cores: [] }),
    [
      "draining: 7 of 8 slots busy, 12 jobs waiting",
      "  jobs so far: 1,204 done, 3 failed",
      "  2 controllers: 10.0.0.1:5, 10.0.0.2:5",
      "  memory: 12.3 GB free",
    ],
  );
});

test("the state of a worker names five controllers, and says if there is none", () => {
  const controllers = Array.from({ length: 7 }, (_, index) => `n${index}`);
  const jobs = { done: 0, failed: 0 };
  const status = { isDraining: false, slots: 1, slotsBusy: 0, jobsWaiting: 0, jobs, cores: [] };
  const memory = { slotsBytes: undefined, memoryFreeBytes: 0 };
  assert.equal(
    workerStateLines({ ...status, ...memory, controllers })[2],
    "  7 controllers: n0, n1, n2, n3, n4 and 2 more",
  );
  assert.equal(workerStateLines({ ...status, ...memory, controllers: [] })[2], "  no controller");
});
