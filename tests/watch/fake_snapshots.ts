/** Snapshots of runs and workers that do not exist, for tests of what shows them. */

import type {
  FailureEntry,
  LogEntry,
  LostEntry,
  RunningEntry,
  RunSnapshot,
  SlotJob,
  Throughput,
  WorkerEntry,
  WorkerSnapshot,
} from "../../watch/snapshot.ts";

/** When the snapshots are taken. */
export const FAKE_NOW = Date.UTC(2026, 0, 2, 3, 4, 5);

const STARTED_AT = FAKE_NOW - 245_000;
const SHA256 = "3f".repeat(32);

/** How large a fake run is. */
export interface FakeSize {
  readonly workers?: number;
  /** Of each worker. */
  readonly slots?: number;
  /** The points of the throughput. */
  readonly points?: number;
}

/** A run in the middle of its jobs. Other fields replace those that follow from the size. */
export function fakeRun(
  { workers = 3, slots = 4, points = 245 }: FakeSize = {},
  fields: Partial<RunSnapshot> = {},
): RunSnapshot {
  const entries = Array.from({ length: workers }, (_, index) => fakeWorkerEntry(index, slots));
  const running = entries.flatMap(({ name, address, jobs }) =>
    jobs.map((job): RunningEntry => ({ ...job, worker: name, address }))
  ).sort((one, other) => one.beganAt - other.beganAt);
  const slotsBusy = entries.reduce((sum, worker) => sum + worker.slotsBusy, 0);
  return {
    v: 1,
    kind: "run",
    at: FAKE_NOW,
    software: "distcomp 0.1.0",
    runtime: "deno 2.9.6",
    host: "login1",
    pid: 4711,
    core: { name: "core.so", sha256: SHA256 },
    output: "/home/ada/outputs",
    startedAt: STARTED_AT,
    elapsedMs: FAKE_NOW - STARTED_AT,
    phase: "running",
    ending: null,
    waitsFor: null,
    jobs: {
      total: 100_000,
      done: 61_250,
      failed: 17,
      skipped: 1_000,
      running: slotsBusy,
      waiting: 100_000 - 61_267 - slotsBusy,
    },
    copies: { started: 3, won: 1, running: 0 },
    times: {
      ...{ jobs: 60_250, medianMs: 412, p95Ms: 1_830, maxMs: 74_200 },
      ...{ cpuPart: 0.97, memoryBytesMax: 214_000_000 },
    },
    verified: null,
    faults: { exitCodes: 5, crashes: 12, timeouts: 0, memory: 0, lost: 3 },
    bytesIn: 61_267_000,
    bytesOut: 1_234_567_890,
    jobsPerSecond: 247.3,
    leftMs: 156_000,
    slots: workers * slots,
    slotsBusy,
    busyPart: 0.93,
    throughput: fakeThroughput(points, workers * slots),
    workersTotal: workers,
    workers: entries,
    lostTotal: LOST.length,
    lost: LOST,
    running: running.slice(0, 50),
    failures: FAILURES,
    log: LOG,
    ...fields,
  };
}

/** A worker of a run. The first one drains, and the others have all slots busy but one. */
export function fakeWorkerEntry(index: number, slots = 4): WorkerEntry {
  const slotsBusy = Math.max(0, slots - 1);
  const jobs = Array.from({ length: slotsBusy }, (_, slot): SlotJob => ({
    name: `in/part-${index * slots + slot}.bin`,
    attempt: slot === 0 && index === 1 ? 2 : 1,
    sentAt: FAKE_NOW - 90_000 / (1 + index + slot),
    beganAt: FAKE_NOW - 90_000 / (1 + index + slot),
  }));
  return {
    name: `node${index + 1}`,
    address: `node${index + 1}:7433`,
    state: index === 0 ? "draining" : "ready",
    protocol: 2,
    software: "distcomp 0.1.0",
    platform: "linux x86_64",
    slots,
    slotsBusy,
    answered: 20_000 + index,
    jobsPerSecond: 81.7,
    connectedAt: STARTED_AT + 500,
    jobs,
  };
}

/** A worker that serves two controllers. */
export function fakeWorker(fields: Partial<WorkerSnapshot> = {}): WorkerSnapshot {
  return {
    v: 1,
    kind: "worker",
    at: FAKE_NOW,
    software: "distcomp 0.1.0",
    runtime: "deno 2.9.6",
    platform: "linux x86_64",
    name: "node1",
    pid: 815,
    startedAt: STARTED_AT,
    isDraining: false,
    slots: 8,
    slotsBusy: 7,
    jobsWaiting: 12,
    jobs: { done: 1_204, failed: 3 },
    controllers: ["10.0.0.1:40312", "10.0.0.2:51200"],
    cores: [{ name: "core.so", sha256: SHA256, slots: 8 }],
    slotsBytes: 812_000_000,
    memoryFreeBytes: 21_000_000_000,
    memoryBytes: 64_000_000_000,
    throughput: fakeThroughput(245, 8),
    log: LOG,
    ...fields,
  };
}

/** A rate that rises, waves, and breaks down once. */
export function fakeThroughput(points: number, slots: number): Throughput {
  const at = Array.from({ length: points }, (_, index) => index);
  const part = (index: number) =>
    Math.min(1, index / 20) * (index % 100 > 95 ? 0.2 : 0.9 + 0.1 * Math.sin(index / 7));
  return {
    startedAt: STARTED_AT,
    everyMs: 1_000,
    done: at.map((index) => Math.round(250 * part(index))),
    failed: at.map((index) => index % 40 === 39 ? 3 : 0),
    slots: at.map(() => slots),
    slotsBusy: at.map((index) => Math.round(slots * part(index))),
  };
}

const FAILURES: readonly FailureEntry[] = [
  {
    reason: "crashed: SIGSEGV",
    jobs: 12,
    names: ["in/part-7.bin", "in/part-8.bin", "in/part-9.bin"],
  },
  {
    reason: "exit code 3: cannot invert a singular <matrix> & gave up",
    jobs: 5,
    names: ["in/part-70.bin"],
  },
];

const LOST: readonly LostEntry[] = [
  {
    name: "gpu7",
    address: "gpu7:7433",
    lostAt: FAKE_NOW - 62_000,
    reason: "connection reset",
    jobs: 3,
  },
];

const LOG: readonly LogEntry[] = [
  { at: STARTED_AT + 500, level: "info", text: "worker node1:7433 is connected: 4 slots" },
  { at: STARTED_AT + 60_000, level: "warning", text: "worker node3:7433 was lost: it was silent" },
  {
    at: STARTED_AT + 61_000,
    level: "printed",
    text: "in/part-70.bin: iteration 12 <b>diverges</b>",
  },
];
