/** Since when jobs run: a slot says which one it has begun, and not when. */

import type { CurrentJob } from "../../pool/pool.ts";
import type { DispatchId, EndpointId } from "../../pool/types.ts";

/** A job at a slot, and since when it was seen to run; `undefined` while it is still being handed in. */
export interface TimedHead<T> extends CurrentJob<T> {
  readonly runsSinceMs: number | undefined;
}

/**
 * Counts from the moment in which a job was first seen to run. Handing over a large input takes its time,
 * and that is not the job's.
 */
export class RunTimes {
  #seen = new Map<EndpointId, { readonly dispatch: DispatchId; readonly sinceMs: number }>();

  /** Looks at the jobs that all slots are at. Who was seen before and is not among them is forgotten. */
  look<T>(heads: readonly CurrentJob<T>[], nowMs: number): TimedHead<T>[] {
    const before = this.#seen;
    this.#seen = new Map();
    return heads.map((head) => {
      if (!head.hasBegun) return { ...head, runsSinceMs: undefined };
      const { dispatch } = head;
      const last = before.get(head.endpoint);
      const sinceMs = last?.dispatch === dispatch ? last.sinceMs : nowMs;
      this.#seen.set(head.endpoint, { dispatch, sinceMs });
      return { ...head, runsSinceMs: sinceMs };
    });
  }
}
