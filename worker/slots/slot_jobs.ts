/** Counts the jobs that slots have run, for people who look at a worker. */

import { ResponseType } from "../../protocol/mod.ts";
import type { SlotResponse } from "../job.ts";

/** How the jobs have ended. An attempt that failed and is tried again counts as failed. */
export interface JobCounts {
  readonly done: number;
  readonly failed: number;
}

/** The jobs of all slots of a worker. */
export class SlotJobs implements JobCounts {
  done = 0;
  failed = 0;

  /** A result begins with its exit code, a number of four bytes. */
  onAnswer({ type, payload }: SlotResponse): void {
    const isGood = type === ResponseType.ok &&
      (payload[0] || payload[1] || payload[2] || payload[3]) === 0;
    if (isGood) this.done += 1;
    else this.failed += 1;
  }

  /** A slot is lost, and with it the job that it ran. */
  onLost(): void {
    this.failed += 1;
  }
}
