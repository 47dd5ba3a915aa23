/** Plans in which nothing goes wrong, to see how well the slots are used. */

import { type MachinePlan, type Manner, type Plan } from "./plan.ts";

/** What differs between such plans. */
export interface CalmOptions {
  /** The slots of each worker. */
  readonly workers: readonly number[];
  readonly manner?: Manner;
  readonly latencyMs?: number;
  /** How long the jobs of each run take. */
  readonly jobs: readonly (readonly number[])[];
  /** Otherwise each run has a core of its own. */
  readonly isOneCore?: boolean;
}

/** A plan without faults. */
export function calmPlan(options: CalmOptions): Plan {
  const { workers, manner = "honest", latencyMs = 0.1, jobs, isOneCore = false } = options;
  return {
    seed: 1,
    machines: workers.map((slots, index) => ({
      ...CALM,
      name: `machine-${index}`,
      slots,
      manner,
      latencyMs,
    })),
    runs: jobs.map((durations, run) => ({
      name: `controller-${run}`,
      core: isOneCore ? "core" : `core-${run}`,
      jobs: durations.map((durationMs, index) => ({
        index,
        kind: "good",
        durationMs,
        outputBytes: 10,
      })),
      batch: 256,
      timeMs: 0,
      retries: 0,
      crashLimit: 3,
      diskMsMax: 0.1,
    })),
    faults: [],
    calmAtMs: 0,
  };
}

/** The same for every machine. */
const CALM: Omit<MachinePlan, "name" | "slots" | "manner" | "latencyMs"> = {
  joinsAtMs: 0,
  dials: false,
  jitter: 0,
  startMs: 40,
  loadMs: 20,
  slowness: 1,
  hiccupPart: 0,
  hiccupMs: 0,
  refusals: 0,
  faultyPart: 0,
  fault: "fails",
};
