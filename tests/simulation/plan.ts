/** The plan of a simulation: everything in it follows from its seed. */

import type { CompressionMode } from "../../link/compression_mode.ts";
import { drawJobs, type JobKind, type PlannedJob } from "./jobs.ts";
import { Random } from "./random.ts";

/** A machine with a worker. */
export interface MachinePlan {
  readonly name: string;
  readonly slots: number;
  /** It runs from the beginning, or joins later. */
  readonly joinsAtMs: number;
  /** Whether its worker dials the controllers, instead of listening. */
  readonly dials: boolean;
  readonly latencyMs: number;
  readonly jitter: number;
  readonly startMs: number;
  readonly loadMs: number;
  /** Its jobs take this many times as long. */
  readonly slowness: number;
  /** The part of its jobs that take up to `hiccupMs` longer: stragglers. */
  readonly hiccupPart: number;
  readonly hiccupMs: number;
  /** How often it cannot load the core. */
  readonly refusals: number;
  readonly manner: Manner;
  /** The part of the jobs that it spoils, and how. */
  readonly faultyPart: number;
  readonly fault: JobKind;
}

/** How a worker speaks. */
export type Manner =
  | "honest"
  /** It knows only version 1 of the protocol. */
  | "version 1"
  /** It says that it has far more slots. */
  | "boasts"
  /** It sends some answers twice. */
  | "repeats"
  /** It sends results of jobs that were canceled. */
  | "is late"
  /** It answers jobs that it was not sent. */
  | "invents"
  /** It says that it has far more slots, and answers no job. */
  | "is silent"
  /** It says that it is the process of another worker. */
  | "borrows an id";

/** Something that goes wrong. */
export type FaultKind =
  | "worker is killed"
  | "worker loses power"
  | "worker leaves"
  | "worker stalls"
  | "slot is killed"
  | "slot stalls"
  | "connection breaks"
  | "connection stalls"
  | "connection falls silent"
  | "new connections break"
  | "new connections fall silent"
  | "clock jumps"
  | "disk is full"
  | "controller is killed"
  | "controller loses power"
  | "controller is interrupted"
  | "controller stalls";

/** When, and to whom: `which` chooses among those that there are. */
export interface Fault {
  readonly kind: FaultKind;
  readonly atMs: number;
  readonly which: number;
}

/** A run, which may need several starts. */
export interface RunPlan {
  readonly name: string;
  /** The name of its core. Runs with the same core share what workers have loaded. */
  readonly core: string;
  readonly jobs: readonly PlannedJob[];
  /** How many inputs its source has at once. */
  readonly batch: number;
  readonly timeMs: number;
  readonly retries: number;
  readonly crashLimit: number;
  /** How long an operation on its disk takes, at most. */
  readonly diskMsMax: number;
  /** How many workers that cannot be told a time limit a job may hang, if that is known. */
  readonly hangsMax?: number;
  /** Whether its outputs go into a pack instead of a folder. */
  readonly isPack?: boolean;
  /** When it compresses what goes over the network. Default: `auto`. */
  readonly compression?: CompressionMode;
}

/** A whole simulation. */
export interface Plan {
  readonly seed: number;
  readonly machines: readonly MachinePlan[];
  readonly runs: readonly RunPlan[];
  readonly faults: readonly Fault[];
  /** From then on nothing goes wrong, and everything that is broken is repaired. */
  readonly calmAtMs: number;
}

/** The size of a simulation: a few workers and a few dozen jobs, or 50 workers and up to 2,000 jobs. */
export type Scale = "small" | "large";

/** What a size means. */
interface Limits {
  readonly machinesMin: number;
  readonly machinesMax: number;
  readonly jobsMin: number;
  readonly jobsMax: number;
  readonly runsMax: number;
  readonly faultsMax: number;
  /** How long the longest job of a run takes, and how many times as long as the shortest. */
  readonly durationMsMin: number;
  readonly durationMsMax: number;
  readonly durationFactorMax: number;
  /** How long all jobs of a run take without faults: a simulation of hours would only repeat itself. */
  readonly workMsMax: number;
  readonly calmAtMsMax: number;
}

const LIMITS: Record<Scale, Limits> = {
  small: {
    machinesMin: 1,
    machinesMax: 5,
    jobsMin: 1,
    jobsMax: 200,
    runsMax: 2,
    faultsMax: 12,
    durationMsMin: 0.1,
    durationMsMax: 5_000,
    durationFactorMax: 100,
    workMsMax: 60_000,
    calmAtMsMax: 60_000,
  },
  large: {
    machinesMin: 50,
    machinesMax: 50,
    jobsMin: 2_000,
    jobsMax: 2_000,
    runsMax: 1,
    faultsMax: 30,
    durationMsMin: 0.1,
    durationMsMax: 500,
    durationFactorMax: 100,
    workMsMax: 10_000,
    calmAtMsMax: 10_000,
  },
};

/** In a part of the small simulations it is known how many jobs may be queued and in flight. */
const STEADY_RUN: Limits = {
  ...LIMITS.small,
  jobsMin: 100,
  durationMsMin: 500,
  durationMsMax: 1_000,
  durationFactorMax: 1,
};
const STEADY_MACHINE = {
  slots: 1,
  manner: "honest",
  hiccupPart: 0,
  latencyMs: 1,
  loadMs: 1,
  dials: false,
} as const;

/** One in so many small simulations is about jobs that hang. Their run lasts longer than those are noticed. */
const HANGING_EVERY = 50;
const HANGING_JOBS = {
  jobsMin: 400,
  jobsMax: 400,
  durationMsMin: 1_000,
  durationMsMax: 2_000,
  durationFactorMax: 1.5,
  workMsMax: Infinity,
};

/** How long a machine or a disk stays broken, at most, and how long a slot makes no progress. */
export const REPAIR_MS_MAX = 20_000;
export const SLOT_STALL_MS_MAX = 5_000;

/** How much longer a straggler takes, at most, and how much slower a slow machine is. */
const HICCUP_MS_MAX = 6_000;
const SLOWNESS_MAX = 10;

const MANNERS: readonly Manner[] = [
  "version 1",
  "boasts",
  "repeats",
  "invents",
  "is late",
  "is silent",
  "borrows an id",
];

const FAULTS: readonly FaultKind[] = [
  "worker is killed",
  "worker loses power",
  "worker leaves",
  "worker stalls",
  "slot is killed",
  "slot stalls",
  "connection breaks",
  "connection stalls",
  "connection falls silent",
  "new connections break",
  "new connections fall silent",
  "clock jumps",
  "disk is full",
  "controller is killed",
  "controller loses power",
  "controller is interrupted",
  "controller stalls",
];

/**
 * Plans with bad nodes: some workers fail some or all of their jobs, nothing else goes wrong, and most workers are
 * good. Then no good job may fail.
 */
export function badNodesPlan(seed: number): Plan {
  const random = new Random(seed);
  const good = random.integer(2, 4);
  const bad = random.integer(1, good - 1);
  const machines = Array.from({ length: good + bad }, (_, index): MachinePlan => ({
    ...drawMachine(index, false, 0, random),
    // All are known from the beginning: a job does not wait for workers that may connect some time.
    joinsAtMs: 0,
    dials: false,
    manner: "honest",
    refusals: 0,
    ...(index < good ? {} : {
      faultyPart: random.pick([1, 1, 0.5]),
      fault: random.pick(["fails", "crashes"]),
    }),
  }));
  const slots = machines.reduce((sum, machine) => sum + machine.slots, 0);
  const limits = { ...LIMITS.small, jobsMin: 100 };
  const run = { ...drawRun(0, limits, slots, random), retries: 0 };
  return { seed, machines, runs: [run], faults: [], calmAtMs: 0 };
}

/**
 * Plans with jobs that never return, and workers of which most speak only version 1, so that no job there has a time
 * limit. Nothing else goes wrong, and the jobs that hang are among the first of many: they hang one worker each, and
 * run next where they are ended.
 */
function hangingJobsPlan(seed: number): Plan {
  const random = new Random(seed);
  const machines = Array.from({ length: random.integer(4, 6) }, (_, index): MachinePlan => ({
    ...drawMachine(index, false, 0, random),
    slots: index === 0 ? 2 : 1, // the others would go on answering
    joinsAtMs: 0,
    dials: false,
    slowness: 1,
    hiccupPart: 0,
    refusals: 0,
    manner: index === 0 ? "honest" : "version 1",
  }));
  const run = drawRun(0, { ...LIMITS.small, ...HANGING_JOBS }, machines.length + 1, random);
  const hanging = new Set([random.integer(0, 9), random.integer(0, 9)]);
  const jobs = run.jobs.map((job): PlannedJob => ({
    ...job,
    kind: hanging.has(job.index) ? "hangs" : "good",
  }));
  const timeMs = 4 * HANGING_JOBS.durationMsMax;
  return { seed, machines, runs: [{ ...run, jobs, timeMs, hangsMax: 1 }], faults: [], calmAtMs: 0 };
}

/** One in so many simulations has packs. No other seed draws other numbers for that. */
const PACKS_EVERY = 3;

/** When runs compress, by their seeds. */
const COMPRESSIONS: readonly CompressionMode[] = ["always", "auto", "never"];

/** The plan of a seed. */
export function planFrom(seed: number, scale: Scale): Plan {
  if (scale === "small" && seed % HANGING_EVERY === 0) return hangingJobsPlan(seed);
  const random = new Random(seed);
  const limits = LIMITS[scale];
  const calmAtMs = random.logarithmic(2_000, limits.calmAtMsMax);
  const isSteady = scale === "small" && random.chance(0.1);
  const hasLiars = random.chance(0.3);
  const machines = Array.from(
    { length: random.integer(limits.machinesMin, limits.machinesMax) },
    (_, index) => {
      const machine = drawMachine(index, hasLiars, calmAtMs, random);
      return isSteady ? { ...machine, ...STEADY_MACHINE } : machine;
    },
  );
  const slots = machines.reduce((sum, machine) => sum + machine.slots, 0);
  const faults = random.chance(0.1) ? 0 : random.integer(1, limits.faultsMax);
  return {
    seed,
    machines,
    runs: Array.from(
      { length: !isSteady && random.chance(0.2) ? limits.runsMax : 1 },
      (_, index) => ({
        ...drawRun(index, isSteady ? STEADY_RUN : limits, slots, random),
        compression: COMPRESSIONS[seed % COMPRESSIONS.length] ?? "auto",
        isPack: seed % PACKS_EVERY === 1,
      }),
    ),
    faults: Array.from({ length: faults }, () => ({
      kind: random.pick(FAULTS),
      atMs: random.between(0, calmAtMs),
      which: random.integer(0, 1_000_000),
    })),
    calmAtMs,
  };
}

function drawMachine(
  index: number,
  hasLiars: boolean,
  calmAtMs: number,
  random: Random,
): MachinePlan {
  // The first machine is honest and stays: otherwise there may be nobody who does the jobs.
  const isFirst = index === 0;
  const manner = isFirst || random.chance(0.5)
    ? "honest"
    : random.pick(hasLiars ? MANNERS : ["version 1"] as const);
  return {
    name: `machine-${index}`,
    slots: Math.round(random.logarithmic(1, 8)),
    joinsAtMs: isFirst || random.chance(0.7) ? 0 : random.between(0, calmAtMs),
    dials: random.chance(0.3),
    latencyMs: random.logarithmic(0.05, 50),
    jitter: random.between(0, 2),
    startMs: random.between(10, 300),
    loadMs: random.logarithmic(1, 1_000),
    slowness: random.chance(0.2) ? random.logarithmic(1, SLOWNESS_MAX) : 1,
    hiccupPart: random.chance(0.4) ? random.between(0, 0.3) : 0,
    hiccupMs: HICCUP_MS_MAX,
    refusals: !isFirst && random.chance(0.1) ? random.integer(1, 5) : 0,
    manner,
    faultyPart: 0,
    fault: "fails",
  };
}

function drawRun(index: number, limits: Limits, slots: number, random: Random): RunPlan {
  const mayHang = random.chance(0.2);
  const durationMsMax = random.logarithmic(limits.durationMsMin, limits.durationMsMax);
  const durationMsMin = durationMsMax / random.logarithmic(1, limits.durationFactorMax);
  return {
    name: `controller-${index}`,
    core: `core-${index}`,
    jobs: drawJobs({
      count: Math.min(
        random.integer(limits.jobsMin, limits.jobsMax),
        Math.ceil(slots * limits.workMsMax / durationMsMax),
      ),
      durationMsMin,
      durationMsMax,
      badPart: random.chance(0.3) ? random.between(0, 0.1) : 0,
      mayHang,
      largePart: random.chance(0.2) ? 0.05 : 0,
    }, random),
    batch: random.integer(1, 16),
    // Longer than a good job takes on a slow machine, with a hiccup, in a slot that stalls.
    timeMs: mayHang ? 2 * (SLOWNESS_MAX * durationMsMax + HICCUP_MS_MAX + SLOT_STALL_MS_MAX) : 0,
    retries: random.integer(0, 2),
    crashLimit: 3,
    diskMsMax: random.logarithmic(0.1, 200),
  };
}
