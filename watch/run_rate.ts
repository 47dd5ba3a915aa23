/** The current speed of a run. */

import type { RunStatus } from "../controller/run.ts";
import { RecentRate } from "../system/recent_rate.ts";

/** What the rate is made of. */
type Counted = Pick<
  RunStatus,
  "done" | "failed" | "skippedDone" | "skippedFailed" | "elapsedMs"
>;

/** Jobs per second. Jobs that ended in earlier runs do not count. */
export class RunRate {
  readonly #rate = new RecentRate(0);

  /** The current rate. Call it about once a second. */
  of({ done, failed, skippedDone, skippedFailed, elapsedMs }: Counted): number {
    const ended = done + failed - skippedDone - skippedFailed;
    this.#rate.onCount(ended, elapsedMs);
    return this.#rate.perSecond(ended, elapsedMs);
  }
}
