/** A pause that an abort signal can end early. */

import type { Clock } from "../runtime/clock.ts";

/** Resolves after `ms` milliseconds, or as soon as `signal` aborts. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.after(ms, done);
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
    function done() {
      timer.stop();
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}
