/**
 * Since when jobs run. A slot says which job it has started, but not when: that would cost one more reading of
 * the clock for every job, while limits are checked 20 times a second, and only if there are any.
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
export class RunningTimes {
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
