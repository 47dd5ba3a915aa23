/**
 * Since when jobs run. A slot says which job it has started, but not when: that would cost one more reading of
 * the clock for every job, while limits are checked 20 times a second, and only if there are any.
 */

import type { DispatchId, EndpointId } from "../../pool/ids.ts";
import type { CurrentJob } from "../../pool/types.ts";

/** The job that a slot is at, and since when it was seen to run; `undefined` while it is still handed over. */
export interface TimedJob<T> extends CurrentJob<T> {
  readonly runsSinceMs: number | undefined;
}

/**
 * Counts from the moment in which a job was first seen to run. Handing over a large input takes time, which
 * is not the job's.
 */
export class RunTimes {
  #seen = new Map<EndpointId, { readonly dispatch: DispatchId; readonly sinceMs: number }>();

  /** Looks at the jobs that all slots are at. A job that is not among them is forgotten. */
  look<T>(jobs: readonly CurrentJob<T>[], nowMs: number): TimedJob<T>[] {
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
