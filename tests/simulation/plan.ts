/** The plan of a simulation: everything in it follows from its seed. */

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
  | "invents";

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
  readonly jobs: readonly PlannedJob[];
  /** How many inputs its source has at once. */
  readonly batch: number;
  readonly timeMs: number;
  readonly retries: number;
  readonly crashLimit: number;
  readonly verifies: boolean;
  /** How long an operation on its disk takes, at most. */
  readonly diskMsMax: number;
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

/** The size of a simulation. */
export type Scale = "small" | "large";

/** How long a machine or a disk stays broken, at most. */
export const REPAIR_MS_MAX = 20_000;

/** The longest job, and how long all jobs of a run take without faults. */
const DURATION_MS_MAX = 5_000;
const WORK_MS_MAX = 60_000;

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
  "clock jumps",
  "disk is full",
  "controller is killed",
  "controller loses power",
  "controller is interrupted",
  "controller stalls",
];

/** The plan of a seed. */
export function planFrom(seed: number, scale: Scale): Plan {
  const random = new Random(seed);
  const isLarge = scale === "large";
  const machineCount = isLarge ? 50 : random.integer(1, 5);
  const isCalm = random.chance(0.1);
  const calmAtMs = random.logarithmic(2_000, 60_000);
  const hasLiars = random.chance(0.3);
  const machines = Array.from(
    { length: machineCount },
    (_, index) => drawMachine(index, hasLiars, calmAtMs, random),
  );
  const slots = machines.reduce((sum, machine) => sum + machine.slots, 0);
  const faultCount = isCalm ? 0 : random.integer(1, isLarge ? 60 : 12);
  return {
    seed,
    machines,
    runs: Array.from(
      { length: random.chance(0.2) ? 2 : 1 },
      (_, index) => drawRun(index, isLarge ? 2_000 : random.integer(1, 200), slots, random),
    ),
    faults: Array.from({ length: faultCount }, () => ({
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
  const liars: readonly Manner[] = ["boasts", "repeats", "invents", "is late"];
  const manner = isFirst || random.chance(0.5)
    ? "honest"
    : hasLiars
    ? random.pick(liars)
    : "version 1";
  return {
    name: `machine-${index}`,
    slots: Math.round(random.logarithmic(1, 8)),
    joinsAtMs: isFirst || random.chance(0.7) ? 0 : random.between(0, calmAtMs),
    dials: random.chance(0.3),
    latencyMs: random.logarithmic(0.05, 50),
    startMs: random.between(10, 300),
    loadMs: random.logarithmic(1, 1_000),
    slowness: random.chance(0.2) ? random.logarithmic(1, 20) : 1,
    hiccupPart: random.chance(0.4) ? random.between(0, 0.3) : 0,
    hiccupMs: 6_000,
    refusals: !isFirst && random.chance(0.1) ? random.integer(1, 5) : 0,
    manner,
    faultyPart: 0,
    fault: "fails",
  };
}

function drawRun(index: number, count: number, slots: number, random: Random): RunPlan {
  const mayHang = random.chance(0.2);
  const durationMsMax = random.logarithmic(0.1, DURATION_MS_MAX);
  const durationMsMin = durationMsMax / (random.chance(0.3) ? 1 : random.logarithmic(1, 100));
  return {
    name: `controller-${index}`,
    jobs: drawJobs({
      // A simulation of hours would only repeat itself.
      count: Math.min(count, Math.ceil(slots * WORK_MS_MAX / durationMsMax)),
      durationMsMin,
      durationMsMax,
      badPart: random.chance(0.3) ? random.between(0, 0.1) : 0,
      mayHang,
      largePart: random.chance(0.2) ? 0.05 : 0,
    }, random),
    batch: random.integer(1, 16),
    // Far longer than a job takes, also in a slot that stalls.
    timeMs: mayHang ? 100 * durationMsMax + REPAIR_MS_MAX : 0,
    retries: random.integer(0, 2),
    crashLimit: 3,
    verifies: false,
    diskMsMax: random.logarithmic(0.1, 500),
  };
}
