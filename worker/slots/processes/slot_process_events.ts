/** What the process of a slot tells its owner. */

import type { DispatchId } from "../../../pool/types.ts";
import type { Lines, SlotResponse } from "../../job.ts";
import type { EndCause } from "./process_end.ts";

/** The events of one process. */
export interface SlotProcessEvents {
  /** The response to a job, with the last lines that it printed if it failed. */
  onAnswer(response: SlotResponse, lastLines?: Lines): void;
  /** Lines that a job has printed; id 0: no job. */
  onPrinted?(job: DispatchId, lines: Lines): void;
  /**
   * The process has exited, or was killed and is given up; all its answers came before. Not called for a process
   * that never connected, or that was told to end by this worker.
   */
  onLost(reason: string, cause: EndCause): void;
}
