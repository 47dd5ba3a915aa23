/** A process that is asked and does not answer because it is stopped, as by Ctrl-Z: who asks is told so at once. */

import { systemClock } from "../runtime/clock.ts";
import { isStopped } from "../runtime/processes/job_control.ts";

/** A process that has not answered for this long is checked, and then as often. */
const POLL_MS = 100;

/** The process answers when somebody has it go on. */
export class StoppedProcessError extends Error {
  override name = "StoppedProcessError";

  constructor(readonly pid: number) {
    super(`process ${pid} is stopped; to continue it: fg in its terminal, or kill -CONT ${pid}`);
  }
}

/**
 * The answer of a process. Rejects with a `StoppedProcessError` if it is stopped, and then aborts the signal that `ask`
 * gets. `findPid` is called once there is no answer yet. If that is not known, only the limit of `ask` helps.
 */
export async function unlessStopped<T>(
  findPid: () => number | undefined,
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stopped = Promise.withResolvers<never>();
  const giveUp = new AbortController();
  const timer = systemClock.every(POLL_MS, () => {
    const pid = findPid();
    if (pid === undefined || !isStopped(pid)) return;
    timer.stop();
    const error = new StoppedProcessError(pid);
    stopped.reject(error);
    giveUp.abort(error);
  });
  try {
    return await Promise.race([ask(giveUp.signal), stopped.promise]);
  } finally {
    timer.stop();
  }
}
