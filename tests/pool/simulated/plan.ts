/** The plan of a simulation: machines, work and failures. All of it follows from the seed. */

import type { CoreKey } from "../../../pool/types.ts";
import { Random } from "../../simulation/random.ts";

/** A job of the simulation, from its source to its end. */
export interface Task {
  readonly index: number;
  readonly core: CoreKey;
  readonly durationMs: number;
  readonly bytes: number;
  /** Ends every slot that runs it. */
  readonly isPoison: boolean;
  /** A slot died by itself while it had only this job: the job is blamed. */
  isUnlucky: boolean;
  end: "done" | "failed" | "coreUnavailable" | undefined;
}

/** A machine with a worker on it. */
export interface WorkerPlan {
  readonly slots: number;
  /** Its controllers are told how many slots it has. */
  readonly tellsSlots: boolean;
  /** One way. */
  readonly latencyMs: number;
  /** A slot answers when it has this many results, or nothing more to do. */
  readonly answersAtOnce: number;
}

/** A controller and all its work. */
export interface ControllerPlan {
  readonly tasks: readonly Task[];
  readonly startsAtMs: number;
  /** It leaves after this time, even if jobs are unanswered. */
  readonly vanishesAtMs: number;
}

const MISHAPS = [
  "slot dies",
  "worker dies",
  "worker leaves",
  "connection breaks",
  "controller stalls",
] as const;

/** A failure. */
export interface Mishap {
  readonly kind: (typeof MISHAPS)[number];
  readonly atMs: number;
}

/** A whole simulation. */
export interface Plan {
  readonly seed: number;
  readonly workers: readonly WorkerPlan[];
  readonly controllers: readonly ControllerPlan[];
  readonly mishaps: readonly Mishap[];
  /** Loads of a core that fail before the first one succeeds. */
  readonly loadFailures: ReadonlyMap<CoreKey, number>;
  /** How long a core takes to load, a process to start, a machine to come back. */
  readonly loadMs: number;
  readonly startMs: number;
  readonly returnMs: number;
}

/** How long jobs take: one of these for each controller. */
const DURATIONS: readonly ((random: Random) => number)[] = [
  () => 0.005,
  () => 40,
  () => 3_000,
  (random) => random.logarithmic(0.002, 2),
  (random) => random.between(5, 50),
  (random) => random.logarithmic(0.1, 20_000),
  (random) => random.chance(0.97) ? random.between(0.01, 0.1) : random.between(1_000, 60_000),
  (random) => Math.min(300_000, 2 * random.next() ** -1.2),
];

/** Draws a whole simulation. */
export function planFrom(seed: number): Plan {
  const random = new Random(seed);
  const workers = Array.from({ length: random.integer(1, 4) }, () => drawWorker(random));
  const controllerCount = random.chance(0.6) ? 1 : random.integer(2, 3);
  const loadFailures = new Map<CoreKey, number>();
  const controllers = Array.from(
    { length: controllerCount },
    (_, number) => drawController(random, number, loadFailures),
  );
  const slots = workers.reduce((sum, worker) => sum + worker.slots, 0);
  const workMs = controllers.flatMap(({ tasks }) => tasks)
    .reduce((sum, { durationMs }) => sum + durationMs, 0);
  const isCalm = random.chance(0.2);
  const mishaps = Array.from({ length: isCalm ? 0 : random.integer(0, 10) }, () => ({
    kind: random.pick(MISHAPS),
    atMs: random.between(0, 500 + 2 * workMs / slots),
  }));
  return {
    seed,
    workers,
    controllers,
    mishaps,
    loadFailures,
    loadMs: random.logarithmic(1, 2_000),
    startMs: random.between(5, 100),
    returnMs: random.logarithmic(10, 20_000),
  };
}

/** A simulation in which nothing goes wrong. */
export function calmPlan(
  { workers, tellsSlots = true, latencyMs = 0.2, jobs, isOneCore = false }: {
    /** The slots of each. */
    readonly workers: readonly number[];
    readonly tellsSlots?: boolean;
    readonly latencyMs?: number;
    /** How long each controller's jobs take. */
    readonly jobs: readonly (readonly number[])[];
    /** Else each controller has a core of its own. */
    readonly isOneCore?: boolean;
  },
): Plan {
  return {
    seed: 0,
    workers: workers.map((slots) => ({ slots, tellsSlots, latencyMs, answersAtOnce: 1 })),
    controllers: jobs.map((durations, number) => ({
      tasks: durations.map((durationMs, index) => ({
        index,
        core: `core ${isOneCore ? 0 : number}` as CoreKey,
        durationMs,
        bytes: 100,
        isPoison: false,
        isUnlucky: false,
        end: undefined,
      })),
      startsAtMs: 0,
      vanishesAtMs: Infinity,
    })),
    mishaps: [],
    loadFailures: new Map(),
    loadMs: 20,
    startMs: 40,
    returnMs: 100,
  };
}

function drawWorker(random: Random): WorkerPlan {
  return {
    slots: random.integer(1, 8),
    tellsSlots: random.chance(0.5),
    latencyMs: random.logarithmic(0.03, 40),
    answersAtOnce: random.pick([1, 1, 4, 32]),
  };
}

function drawController(
  random: Random,
  number: number,
  loadFailures: Map<CoreKey, number>,
): ControllerPlan {
  const drawDuration = random.pick(DURATIONS);
  const poison = random.chance(0.5) ? 0 : random.logarithmic(0.002, 0.1);
  const cores = Array.from(
    { length: random.chance(0.7) ? 1 : random.integer(2, 3) },
    (_, index) => {
      // Controllers may share a core.
      const core = `core ${random.chance(0.3) ? "shared" : number}.${index}` as CoreKey;
      const isBad = random.chance(0.05);
      if (!loadFailures.has(core)) {
        loadFailures.set(core, isBad ? Infinity : Math.max(0, random.integer(-4, 2)));
      }
      return core;
    },
  );
  const count = random.integer(1, random.pick([10, 100, 1_000]));
  const tasks = Array.from({ length: count }, (_, index): Task => ({
    index,
    core: cores[Math.floor((index * cores.length) / count)] as CoreKey,
    durationMs: drawDuration(random),
    bytes: random.chance(0.05) ? 3_000_000 : 100,
    isPoison: random.chance(poison),
    isUnlucky: false,
    end: undefined,
  }));
  return {
    tasks,
    startsAtMs: number === 0 ? 0 : random.between(0, 2_000),
    vanishesAtMs: number > 0 && random.chance(0.3) ? random.logarithmic(10, 20_000) : Infinity,
  };
}
