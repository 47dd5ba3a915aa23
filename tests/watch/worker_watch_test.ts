/** What is seen of a worker from outside. In virtual time. */

import assert from "node:assert/strict";
import { LogLines } from "../../watch/log_lines.ts";
import { type WatchedWorker, WorkerWatch } from "../../watch/worker_watch.ts";
import { test } from "../lib/test.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";

const FACTS = {
  software: "distcomp 0.1.0",
  runtime: "deno 2.9.6",
  platform: "linux-x86_64",
  name: "node1",
  pid: 815,
  memoryBytes: 64e9,
};

test("a worker is watched once a second, and seen as it is when somebody asks", async () => {
  const clock = new VirtualClock();
  const jobs = { done: 0, failed: 0 };
  const watch = new WorkerWatch(workerWith({ jobs }), FACTS, clock, new LogLines(clock));
  for (let second = 0; second < 3; second += 1) {
    await clock.advance(1_000);
    jobs.done += 10;
  }
  const snapshot = watch.snapshot();
  assert.deepEqual(snapshot.jobs, { done: 30, failed: 0 });
  assert.equal(snapshot.throughput.done.reduce((sum, done) => sum + done), 30);
  assert.deepEqual(snapshot.throughput.slotsBusy.slice(1), [3, 3, 3]);
  assert.equal(snapshot.slotsBytes, null);
  watch.stop();
  assert.equal(clock.timers, 0);
});

test("a snapshot of a worker is bounded, whoever connects and whatever cores are called", () => {
  const clock = new VirtualClock();
  const many = Array.from({ length: 10_000 }, (_, index) => `controller ${index}`);
  const cores = many.map((name) => ({ name: name.repeat(1_000), sha256: "3f", slots: 1 }));
  const watched = workerWith({ controllers: many, cores });
  const watch = new WorkerWatch(watched, FACTS, clock, new LogLines(clock));
  assert.ok(JSON.stringify(watch.snapshot()).length < 100_000);
  watch.stop();
});

function workerWith(fields: Partial<WatchedWorker["status"]>): WatchedWorker {
  return {
    status: {
      controllers: [],
      isDraining: false,
      slots: 4,
      slotsBusy: 3,
      jobsWaiting: 0,
      jobs: { done: 0, failed: 0 },
      cores: [],
      slotsBytes: null,
      memoryFreeBytes: 1e9,
      ...fields,
    },
  };
}
