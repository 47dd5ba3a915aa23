/** Gives the jobs of a slot back: those that have not begun there, and have nothing to do with its end. */

import type { DispatchId, EndpointId } from "../../pool/ids.ts";
import type { Job } from "../../pool/job.ts";
import type { Pool } from "../../pool/pool.ts";
import type { RelayedJob } from "../job.ts";

interface SentJob {
  readonly job: Job<RelayedJob>;
  readonly dispatch: DispatchId;
}

/** The jobs in flight at the endpoint, the last one first: put back into the queue one by one, they keep their order. */
export function* lastFirst(pool: Pool<RelayedJob>, endpoint: EndpointId): Iterable<SentJob> {
  for (const job of pool.jobsAt(endpoint).reverse()) {
    const place = pool.locate(job);
    if (place) yield { job, dispatch: place.dispatch };
  }
}

/** Puts all jobs in flight at the endpoint back into the queue, in their order. They count no attempt. */
export function returnJobs(pool: Pool<RelayedJob>, endpoint: EndpointId, nowMs: number): void {
  for (const { dispatch } of lastFirst(pool, endpoint)) pool.onReturned(endpoint, dispatch, nowMs);
}
