/**
 * Notices slots whose core has ended the thread of its job, as `pthread_exit` does. The runtime's other threads keep
 * the process, which answers nothing any more. Linux then shows it as a zombie, like one that has ended.
 */

import type { DispatchId, EndpointId } from "../../pool/ids.ts";
import type { CurrentJob } from "../../pool/types.ts";
import type { ProcFiles } from "../../runtime/proc_files.ts";

/** How often each slot is checked: most jobs are shorter, and are never checked twice. */
const POLL_MS = 2_000;

/** Why such a job fails. */
export const LOST_THREAD = "the core has ended the thread of its job, as pthread_exit does";

/** The slots that have lost the thread of a job. */
export class LostThreads {
  readonly #system: ProcFiles;
  #polledAtMs = 0;
  /** Jobs whose processes were zombies at the last poll: one that has ended is one, too, until it is noticed. */
  #seen = new Map<EndpointId, DispatchId>();

  constructor(system: ProcFiles) {
    this.#system = system;
  }

  /** Those among these jobs that will never be answered, if it is time to check. */
  among<T>(
    jobs: readonly CurrentJob<T>[],
    pidAt: (endpoint: EndpointId) => number | undefined,
    nowMs: number,
  ): CurrentJob<T>[] {
    if (nowMs - this.#polledAtMs < POLL_MS) return [];
    this.#polledAtMs = nowMs;
    const before = this.#seen;
    this.#seen = new Map();
    return jobs.filter(({ endpoint, dispatch, hasBegun }) => {
      const pid = hasBegun ? pidAt(endpoint) : undefined;
      if (pid === undefined || !isZombie(pid, this.#system)) return false;
      this.#seen.set(endpoint, dispatch);
      return before.get(endpoint) === dispatch;
    });
  }
}

function isZombie(pid: number, system: ProcFiles): boolean {
  // Without one it is gone, or this is not Linux. The name in parentheses may have any characters.
  const stat = system.text(`/proc/${pid}/stat`) ?? "";
  return stat.startsWith("Z", stat.lastIndexOf(")") + 2);
}
