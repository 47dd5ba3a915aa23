/** Snapshots of a run: what they say, and that they are bounded. */

import assert from "node:assert/strict";
import type { RunningJob, WorkerView } from "../../controller/cluster/cluster_view.ts";
import type { ReadyTask } from "../../controller/inputs/source.ts";
import type { RunView } from "../../controller/run.ts";
import { RunWatch } from "../../watch/run_watch.ts";
import { TEXT_CHARS_MAX, WORKERS_MAX } from "../../watch/snapshot.ts";
import { waitsFor } from "../../watch/waits_for.ts";
import { statusWith } from "../cli/statuses.ts";
import { test } from "../lib/test.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";

const FACTS = {
  software: "distcomp 1",
  runtime: "deno 2",
  host: "here",
  pid: 1,
  core: { name: "core.so", sha256: "00" },
  output: "/outputs",
};

test("a snapshot names workers by their nodes, with the jobs in their slots", async () => {
  const workers = [
    worker({
      ...{ name: "10.0.0.1:5", node: "node1#2", jobs: [job("a", 9_000)] },
      description: describedAs("node1"), // as another one
    }),
    worker({
      name: "old:7433",
      node: "old:7433",
      protocol: 1,
      isDraining: true,
      standing: "on trial",
    }),
  ];
  const { snapshot } = watchOf({ workers, oldest: [job("a", 9_000)] }, await at(60_000));
  const [first, second] = snapshot().workers;
  assert.deepEqual(first, {
    name: "node1#2",
    address: "10.0.0.1:5",
    state: "ready",
    protocol: 2,
    software: "distcomp 1",
    platform: "linux-x86_64",
    slots: 4,
    slotsBusy: 1,
    answered: 7,
    jobsPerSecond: 3.5,
    connectedAt: 58_000,
    jobs: [{ name: "a", attempt: 1, sentAt: 50_500, beganAt: 51_000 }],
  });
  assert.deepEqual([second?.name, second?.state, second?.software], [
    "old:7433",
    "draining",
    undefined,
  ]);
  assert.deepEqual(snapshot().running, [
    {
      name: "a",
      attempt: 1,
      sentAt: 50_500,
      beganAt: 51_000,
      worker: "node1#2",
      address: "10.0.0.1:5",
    },
  ]);
});

test("a snapshot counts the jobs of this run, and says how long the others will take", async () => {
  const clock = new VirtualClock();
  const changed = { status: statusWith({ done: 0, total: 1_000, elapsedMs: 0, slotsBusy: 0 }) };
  const { view, snapshot } = watchOf({ workers: [worker({ slotsBusy: 0 })], ...changed }, clock);
  assert.equal(snapshot().phase, "starting");
  for (let second = 1; second <= 30; second++) {
    const ended = { done: 100 + 10 * second, skippedDone: 100 };
    view.status = statusWith({ ...ended, total: 1_000, elapsedMs: 1_000 * second });
    await clock.advance(1_000);
  }
  view.workers = [worker({ slotsBusy: 3 })];
  const { phase, jobs, jobsPerSecond, leftMs, throughput } = snapshot();
  assert.equal(phase, "running");
  assert.deepEqual(jobs, {
    total: 1_000,
    done: 400,
    failed: 0,
    skipped: 100,
    running: 3,
    waiting: 597,
  });
  assert.deepEqual([jobsPerSecond, leftMs], [10, 60_000]);
  assert.equal(throughput.done.length, 31);
  assert.deepEqual([...new Set(throughput.done.slice(0, -1))], [10]);
});

test("a snapshot lists the busiest workers, and cuts long texts", async () => {
  const workers = Array.from({ length: WORKERS_MAX + 50 }, (_, index) => (
    worker({ name: `n${index}`, slotsBusy: index % 3 })
  ));
  const failureGroups = [{ reason: "x".repeat(10_000), jobs: 1, names: ["y".repeat(10_000)] }];
  const status = statusWith({ failureGroups });
  const { snapshot } = watchOf({ workers, status }, await at(10_000));
  const shown = snapshot();
  assert.equal(shown.workers.length, WORKERS_MAX);
  assert.equal(shown.workersTotal, WORKERS_MAX + 50);
  assert.equal(shown.workers[0]?.slotsBusy, 2);
  const [{ reason, names } = { reason: "", names: [] }] = shown.failures;
  assert.deepEqual([reason.length, names[0]?.length], [TEXT_CHARS_MAX, TEXT_CHARS_MAX]);
});

test("a run says what it waits for", () => {
  const busy = { workers: 1, slots: 4, slotsBusy: 4, queued: 9, inFlight: 8 };
  const cases: [string | null, Partial<RunView>, Parameters<typeof statusWith>[0]][] = [
    [null, {}, {}],
    ["workers: none is connected", {}, { workers: 0 }],
    ["the disk: results come faster than they are written", { waitsForOutputs: true }, {}],
    ["the 8 jobs that run", {}, { phase: "draining" }],
    ["the core: 3 of 4 slots load it", {}, {
      slotsBusy: 0,
      loading: { slots: 3, slotsTotal: 4, ms: 1 },
    }],
    ["a second worker, for --verify", {}, {
      slotsBusy: 0,
      awaitedVoter: "a second worker, for --verify",
    }],
    ["inputs: slots are idle until more of them are read", { isReading: true }, {
      queued: 0,
      slotsBusy: 1,
    }],
    ["the last job", {}, { queued: 0, slotsBusy: 1, inFlight: 1 }],
    [null, {}, { phase: "ending", workers: 0 }],
  ];
  for (const [expected, fields, status] of cases) {
    const view = { ...IDLE, ...fields, status: statusWith({ ...busy, ...status }) };
    assert.equal(waitsFor(view), expected);
  }
});

const IDLE = {
  status: statusWith(),
  isReading: false,
  waitsForOutputs: false,
  workers: [],
  lost: [],
  oldest: [],
} as const;

/** A watched run, whose state the test may change. */
function watchOf(fields: Partial<RunView>, clock: VirtualClock) {
  const view: { -readonly [Name in keyof RunView]: RunView[Name] } = { ...IDLE, ...fields };
  const run = {
    view: () => view,
    get status() {
      return view.status;
    },
  };
  const watch = new RunWatch(run, FACTS, clock, { all: [] });
  return { view, snapshot: () => watch.snapshot() };
}

async function at(ms: number): Promise<VirtualClock> {
  const clock = new VirtualClock();
  await clock.advance(ms);
  return clock;
}

function worker(fields: Partial<WorkerView<ReadyTask>>): WorkerView<ReadyTask> {
  return {
    name: "node1:7433",
    node: "node1",
    protocol: 2,
    description: undefined,
    slots: 4,
    slotsBusy: 1,
    answered: 7,
    jobsPerSecond: 3.5,
    connectedMsAgo: 2_000,
    isDraining: false,
    isLoading: false,
    standing: "used",
    jobs: [],
    ...fields,
  };
}

function describedAs(machine: string): WorkerView<ReadyTask>["description"] {
  const platform = "linux-x86_64";
  const known = { instance: "", slots: 4, memoryBytes: 0, cores: [] };
  return { ...known, platform, software: "distcomp 1", machine };
}

function job(name: string, beganMsAgo: number): RunningJob<ReadyTask> {
  const task: ReadyTask = {
    kind: "ready",
    index: 0,
    name,
    identity: "",
    input: new Uint8Array(0),
  };
  return { task, attempt: 1, worker: "10.0.0.1:5", sentMsAgo: beganMsAgo + 500, beganMsAgo };
}
