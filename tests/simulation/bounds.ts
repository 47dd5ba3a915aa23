/** Checks that queues and windows are bounded, in simulations where their bounds are known. */

import assert from "node:assert/strict";
import type { Controller } from "./controller.ts";
import type { Plan, RunPlan } from "./plan.ts";

/** Jobs that a run has queued, beyond one batch, while its workers need fewer. */
const QUEUED_MAX = 64;

/**
 * While all jobs take as long as each other, at least this long, a worker has two for each of its slots: one that
 * runs and one that waits. It may get a few more, because answers that come together look like a quick pace. For
 * shorter jobs, or if they differ, windows follow the measured pace.
 */
const LONG_MS = 500;
const IN_FLIGHT_PER_SLOT = 2.5;

/** With larger delays, more jobs are on their way. */
const LATENCY_MS_MAX = 5;

/** The limits of a simulation; `undefined` if they are not known. */
export class Bounds {
  readonly #slots: number;
  readonly #areKnown: boolean;

  constructor({ machines, runs }: Plan) {
    this.#slots = machines.reduce((sum, { slots }) => sum + slots, 0);
    this.#areKnown = runs.every(hasLongJobs) && runs.length === 1 &&
      machines.every(({ manner, hiccupPart, latencyMs }) =>
        manner === "honest" && hiccupPart === 0 && latencyMs <= LATENCY_MS_MAX
      );
  }

  /** To be called only before anything has gone wrong: then jobs may be queued or in flight again. */
  check({ status, plan }: Controller): void {
    if (!status || !this.#areKnown) return;
    const { queued, inFlight } = status;
    const slots = this.#slots;
    const inFlightMax = Math.floor(IN_FLIGHT_PER_SLOT * slots);
    const queuedMax = Math.max(QUEUED_MAX, inFlightMax) + plan.batch + inFlightMax;
    assert(queued <= queuedMax, `${queued} jobs are queued, more than ${queuedMax}`);
    assert(inFlight <= inFlightMax, `${inFlight} jobs are in flight for ${slots} slots`);
  }
}

function hasLongJobs({ jobs }: RunPlan): boolean {
  const [first] = jobs;
  if (!first || first.durationMs < LONG_MS) return false;
  return jobs.every(({ durationMs }) => durationMs === first.durationMs);
}
