/** Gives the jobs of a slot back: those that have not begun there, and have nothing to do with its end. */

import type { EndpointId } from "../../pool/ids.ts";
import type { Pool } from "../../pool/pool.ts";
import type { RelayedJob } from "../job.ts";

/** Puts all jobs in flight at the endpoint back into the queue, in their order. They count no attempt. */
export function returnJobs(pool: Pool<RelayedJob>, endpoint: EndpointId, nowMs: number): void {
  for (const job of pool.jobsAt(endpoint).reverse()) {
    const { dispatch } = pool.locate(job) ?? {};
    if (dispatch !== undefined) pool.onReturned(endpoint, dispatch, nowMs);
  }
}
