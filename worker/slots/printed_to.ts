/** Finds who gets the lines that a slot's process has printed, and what is known of its last job when it is lost. */

import type { Pool } from "../../pool/pool.ts";
import type { EndpointId } from "../../pool/types.ts";
import type { StoredCore } from "../cores/stored_core.ts";
import type { Lines, RelayedJob } from "../job.ts";
import type { SlotEvents } from "./slot.ts";
import type { SlotProcess } from "./processes/slot_process.ts";

/** A core has printed lines that belong to no job. */
export type OnCorePrinted = (core: StoredCore, lines: Lines) => void;

/** Handlers that give lines to the source of the job, or to `onCorePrinted`. Nobody wants those of ended jobs. */
export function printedTo(
  pool: Pool<RelayedJob>,
  processAt: (endpoint: EndpointId) => SlotProcess | undefined,
  onCorePrinted: OnCorePrinted | undefined,
): Required<Pick<SlotEvents, "onPrinted" | "onLastLines">> {
  return {
    onPrinted: (endpoint, dispatch, lines) => {
      const job = pool.jobAt(endpoint, dispatch)?.payload;
      if (job?.state.name === "scheduled") return job.source.printing.onPrinted(job, lines);
      const core = processAt(endpoint)?.anyCore;
      if (!job && core) onCorePrinted?.(core, lines);
    },
    onLastLines: (endpoint, dispatch, lines, usage) => {
      const job = pool.jobAt(endpoint, dispatch)?.payload;
      if (job?.state.name !== "scheduled") return;
      job.usage = usage(job.peakBytes);
      job.source.printing.onLost(job, lines);
    },
  };
}
