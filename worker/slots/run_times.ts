/**
 * How long jobs have been running. A slot reports which job it started, but not when: its clock differs from
 * the worker's, and reading a clock for each job costs more than checking all slots 20 times a second.
 */

import type { DispatchId, EndpointId } from "../../pool/ids.ts";
import type { CurrentJob } from "../../pool/types.ts";

/** A slot's current job, and when it was first seen running; `undefined` while the slot still receives it. */
export interface TimedJob<T> extends CurrentJob<T> {
  readonly runsSinceMs: number | undefined;
}

/**
 * Measures from when a job was first seen running. The time in which a slot receives a large input does not
 * count as the job's.
 */
export class RunTimes {
  #seen = new Map<EndpointId, { readonly dispatch: DispatchId; readonly sinceMs: number }>();

  /** Updates the times from the current jobs of all slots. Jobs that are not among them are forgotten. */
  update<T>(jobs: readonly CurrentJob<T>[], nowMs: number): TimedJob<T>[] {
    const before = this.#seen;
    this.#seen = new Map();
    return jobs.map((job) => {
      if (!job.hasBegun) return { ...job, runsSinceMs: undefined };
      const { dispatch, endpoint } = job;
      const last = before.get(endpoint);
      const sinceMs = last?.dispatch === dispatch ? last.sinceMs : nowMs;
      this.#seen.set(endpoint, { dispatch, sinceMs });
      return { ...job, runsSinceMs: sinceMs };
    });
  }
}
