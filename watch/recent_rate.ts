/** The current speed of a run. */

import type { RunStatus } from "../controller/run.ts";

/** The rate is measured over about this time, so that it follows changes of speed. */
const WINDOW_MS = 10_000;

/** Jobs per second over the last ten to twenty seconds. Jobs that ended in earlier runs do not count. */
export class RecentRate {
  #from = { ended: 0, elapsedMs: 0 };
  #to = { ended: 0, elapsedMs: 0 };

  /** The current rate. Call it at least once per window. */
  of({ done, failed, skippedDone, skippedFailed, elapsedMs }: RunStatus): number {
    const now = { ended: done + failed - skippedDone - skippedFailed, elapsedMs };
    if (now.elapsedMs - this.#to.elapsedMs >= WINDOW_MS) {
      this.#from = this.#to;
      this.#to = now;
    }
    const spanMs = now.elapsedMs - this.#from.elapsedMs;
    return spanMs <= 0 ? 0 : ((now.ended - this.#from.ended) / spanMs) * 1000;
  }
}
