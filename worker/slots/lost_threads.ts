/**
 * Notices processes whose core has lost the thread that called it: it has ended it, as `pthread_exit` does, or a filter
 * of system calls has. The runtime's other threads keep the process, which answers nothing any more. Linux then shows it
 * as a zombie, like one that has ended.
 */

import type { ProcFiles } from "../../runtime/proc_files.ts";
import { BY_FILTER, type ProcessState, processState } from "../../system/process_state.ts";

/** How often each process is checked: most jobs are shorter, and are never checked twice. */
const POLL_MS = 2_000;

/** How the core has lost its thread, behind the name of the function that it was in. */
function lostThread({ endedBy }: ProcessState): string {
  return endedBy === undefined
    ? "has ended its thread, as pthread_exit does"
    : `has lost its thread to ${endedBy}, ${BY_FILTER}`;
}

/** A process whose core is doing something. */
export interface BusyCore {
  readonly pid: number;
  /** What it does: another text for each job. */
  readonly what: string;
  /** Ends the process, which will never answer. `why`: how it has lost its thread, behind the name of a function. */
  end(why: string): void;
}

/** The processes that have lost their thread. */
export class LostThreads {
  readonly #system: ProcFiles;
  #polledAtMs = 0;
  /** Those that were zombies at the last poll: one that has ended is one, too, until it is noticed. */
  #seen = new Map<number, string>();

  constructor(system: ProcFiles) {
    this.#system = system;
  }

  /** Ends those that will never answer, if it is time to check. */
  end(busy: () => Iterable<BusyCore>, nowMs: number): void {
    if (nowMs - this.#polledAtMs < POLL_MS) return;
    this.#polledAtMs = nowMs;
    const before = this.#seen;
    this.#seen = new Map();
    for (const core of busy()) {
      const { pid, what } = core;
      const state = processState(this.#system, pid);
      if (state?.letter !== "Z") continue;
      this.#seen.set(pid, what);
      if (before.get(pid) === what) core.end(lostThread(state));
    }
  }
}
