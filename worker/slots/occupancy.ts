/** How busy the slots of a worker are. */

import type { Pool } from "../../pool/pool.ts";
import type { EndpointId } from "../../pool/types.ts";

/** How many slots have a job or send an output, and how many jobs wait, including those behind another in a slot. */
export interface Occupancy {
  readonly slotsBusy: number;
  readonly jobsWaiting: number;
}

/** The occupancy of a pool's slots. `sending`: those that send an output. */
export function occupancyOf<T>(
  pool: Pick<Pool<T>, "counts" | "currentJobs">,
  sending: Iterable<EndpointId>,
): Occupancy {
  const { queued, inFlight } = pool.counts();
  const running = pool.currentJobs();
  const busy = new Set(sending);
  for (const { endpoint } of running) busy.add(endpoint);
  return { slotsBusy: busy.size, jobsWaiting: queued + inFlight - running.length };
}
