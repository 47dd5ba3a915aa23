/** The state of a run and of a worker as text, for those who ask with SIGUSR2. */

import assert from "node:assert/strict";
import { runStateLines } from "../../../cli/display/run_state_text.ts";
import { workerStateLines } from "../../../cli/display/worker_state.ts";
import type { WorkerEntry } from "../../../watch/snapshot.ts";
import { test } from "../../lib/test.ts";
import { fakeRun, fakeWorkerEntry } from "../../watch/fake_snapshots.ts";

/** Nothing has gone wrong. */
const CALM = {
  lost: [],
  lostTotal: 0,
  times: null,
  faults: { exitCodes: 0, crashes: 0, timeouts: 0, memory: 0, lost: 0 },
  copies: { started: 0, won: 0, running: 0 },
};

test("the state of a run has its jobs, its workers, the jobs that run longest, and failures", () => {
  assert.deepEqual(runStateLines(fakeRun({ workers: 2 })), [
    "after 4m 5s: 61,250 done, 17 failed, 6 running, 38,727 waiting; " +
    "2 workers (1 lost), 8 slots; 247 jobs/s; 2m 36s left",
    "  node1  3 of 4 slots busy, 81.7 jobs/s, draining",
    "  node2  3 of 4 slots busy, 81.7 jobs/s",
    "  lost gpu7:7433 1m 2s ago: connection reset; 3 jobs rescheduled",
    "  running for 1m 30s on node1: in/part-0.bin",
    "  running for 45s on node1: in/part-1.bin",
    "  running for 45s on node2: in/part-4.bin",
    "  failed: in/part-7.bin and 11 more  crashed: SIGSEGV",
    "  failed: in/part-70.bin and 4 more  exit code 3: cannot invert a singular <matrix> & gave up",
    "  time in the core: median 410ms, 95% within 1.8s, longest 1m 14.2s · CPU 97% · memory at most 214 MB",
    "  failed attempts: 12 crashes, 5 non-zero exit codes, 3 lost with their workers",
    "  second copies of stragglers: 3, of which 1 ended first",
  ]);
});

test("the state of a run says what it waits for, and how far it is", () => {
  const lines = (fields: Parameters<typeof fakeRun>[1]) =>
    runStateLines(fakeRun({ workers: 0 }, { failures: [], ...CALM, ...fields }));
  const jobs = { total: null, done: 5, failed: 0, skipped: 0, running: 0, waiting: 7 };
  const start = { jobs, elapsedMs: 1_000, jobsPerSecond: 0, leftMs: null };
  assert.deepEqual(lines({ ...start, waitsFor: "workers: none is connected" }), [
    "after 1s: 5 done, 0 failed, 0 running, 7 waiting (more may come); 0 workers, 0 slots",
    "  waits for workers: none is connected",
  ]);
  assert.match(lines({ phase: "draining" })[0] as string, /; starting no more jobs$/);
  assert.match(lines({ phase: "ending" })[0] as string, /; ending$/);
});

test("workers with the same name are told apart by their addresses, and the own one is this machine", () => {
  const workers: WorkerEntry[] = [
    { ...fakeWorkerEntry(1), address: "10.0.0.1:1", name: "a" },
    { ...fakeWorkerEntry(1), address: "10.0.0.1:2", name: "a" },
    { ...fakeWorkerEntry(1), address: "this machine", name: "a" },
  ];
  const lines = runStateLines(fakeRun({}, { workers, workersTotal: 3 })).slice(1, 4);
  const names = lines.map((line) => line.trim().split(/ {2,}/)[0]);
  assert.deepEqual(names, ["a (10.0.0.1:1)", "a (10.0.0.1:2)", "this machine"]);
});

test("the state of a run names twenty workers, however many there are, and no control characters", () => {
  const workers = Array.from({ length: 1_000 }, (_, index): WorkerEntry => (
    { ...fakeWorkerEntry(1), address: `a:${index}`, name: `\x1bn${index}`, slots: 1, slotsBusy: 1 }
  ));
  const lines = runStateLines(fakeRun({}, {
    workers,
    workersTotal: 1_234,
    running: [],
    failures: [],
    ...CALM,
  }));
  assert.equal(lines.length, 22);
  assert.equal(lines[1], "   n0   1 of 1 slot busy, 81.7 jobs/s");
  assert.equal(lines.at(-1), "  and 1,214 more workers");
});

test("the state of a worker has its slots, controllers, cores and memory", () => {
  const controllers = ["10.0.0.1:5", "10.0.0.2:5"];
  const jobs = { done: 1204, failed: 3 };
  const status = { isDraining: false, slots: 8, slotsBusy: 7, jobsWaiting: 12, jobs, controllers };
  const memory = { slotsBytes: 1.2e9, memoryFreeBytes: 12.3e9 };
  const cores = [{ name: "mandel.so", sha256: "0123456789abcdef", slots: 8 }];
  assert.deepEqual(workerStateLines({ ...status, ...memory, cores }), [
    "7 of 8 slots busy, 12 jobs waiting",
    "  jobs so far: 1,204 done, 3 failed",
    "  2 controllers: 10.0.0.1:5, 10.0.0.2:5",
    "  core mandel.so (0123456789ab) in 8 slots",
    "  memory: 1.2 GB in slots, 12.3 GB free",
  ]);
  assert.deepEqual(
    workerStateLines({ ...status, ...memory, slotsBytes: null, isDraining: true, cores: [] }),
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
  const memory = { slotsBytes: null, memoryFreeBytes: 0 };
  assert.equal(
    workerStateLines({ ...status, ...memory, controllers })[2],
    "  7 controllers: n0, n1, n2, n3, n4 and 2 more",
  );
  assert.equal(workerStateLines({ ...status, ...memory, controllers: [] })[2], "  no controller");
});
