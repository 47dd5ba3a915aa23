/** Checks that queues and windows are bounded, in simulations where their bounds are known. */

import assert from "node:assert/strict";
import type { Controller } from "./controller.ts";
import type { Plan, RunPlan } from "./plan.ts";

/** Jobs that a run has queued, beyond one batch, while its workers need fewer. */
const QUEUED_MAX = 64;

/**
 * While all jobs take as long as each other, at least this long, a worker with one slot has two: one that runs and
 * one that waits. In all other cases windows follow the measured pace: answers that come together look quick.
 */
const LONG_MS = 500;
const IN_FLIGHT_PER_SLOT = 2;

/** With larger delays of the network, or until the core is loaded, more jobs are on their way. */
const DELAY_MS_MAX = 5;

/** The limits of a simulation; `undefined` if they are not known. */
export class Bounds {
  readonly #machines: Plan["machines"];
  readonly #areKnown: boolean;

  constructor({ machines, runs }: Plan) {
    this.#machines = machines;
    this.#areKnown = runs.every(hasLongJobs) && runs.length === 1 &&
      machines.every(({ slots, manner, hiccupPart, latencyMs, loadMs }) =>
        slots === 1 && manner === "honest" && hiccupPart === 0 &&
        latencyMs + loadMs <= DELAY_MS_MAX
      );
  }

  /** To be called only before anything has gone wrong: then jobs may be queued or in flight again. */
  check({ status, plan }: Controller, nowMs: number): void {
    if (!status || !this.#areKnown) return;
    const { queued, inFlight } = status;
    const slots = this.#slotsAt(nowMs);
    const inFlightMax = IN_FLIGHT_PER_SLOT * slots;
    const queuedMax = Math.max(QUEUED_MAX, inFlightMax) + plan.batch + inFlightMax;
    assert(queued <= queuedMax, `${queued} jobs are queued, more than ${queuedMax}`);
    assert(inFlight <= inFlightMax, `${inFlight} jobs are in flight for ${slots} slots`);
  }

  /** Workers that have not joined yet are not there to hide jobs that others have too many of. */
  #slotsAt(nowMs: number): number {
    const joined = this.#machines.filter(({ joinsAtMs }) => joinsAtMs <= nowMs);
    return joined.reduce((sum, { slots }) => sum + slots, 0);
  }
}

function hasLongJobs({ jobs }: RunPlan): boolean {
  const durationMs = jobs[0]?.durationMs ?? 0;
  return durationMs >= LONG_MS &&
    jobs.every((job) => job.durationMs === durationMs && job.kind === "good");
}
