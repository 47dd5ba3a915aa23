/** Counts the jobs that slots have run, for people who look at a worker. */

import { FrameSpan, ResponseType, USAGE_BYTES } from "../../../protocol/mod.ts";
import type { SlotResponse } from "../../job.ts";

/** How the jobs have ended. An attempt that failed and is tried again counts as failed. */
export interface JobCounts {
  readonly done: number;
  readonly failed: number;
}

/** The jobs of all slots of a worker. */
export class SlotJobs implements JobCounts {
  done = 0;
  failed = 0;

  /** A result begins with its exit code, a number of four bytes, or with what the job has used and then that. */
  onAnswer(response: SlotResponse): void {
    const { type } = response;
    const isSpan = response instanceof FrameSpan;
    const bytes = isSpan ? response.bytes : response.payload;
    const at = (isSpan ? response.at : 0) + (type === ResponseType.okWithUsage ? USAGE_BYTES : 0);
    const isGood = (type === ResponseType.ok || type === ResponseType.okWithUsage) &&
      (bytes[at] || bytes[at + 1] || bytes[at + 2] || bytes[at + 3]) === 0;
    if (isGood) this.done += 1;
    else this.failed += 1;
  }

  /** A slot is lost, and with it the job that it ran. */
  onLost(): void {
    this.failed += 1;
  }
}
