/**
 * Notices processes whose core has ended the thread that called it, as `pthread_exit` does. The runtime's other threads
 * keep the process, which answers nothing any more. Linux then shows it as a zombie, like one that has ended.
 */

import type { ProcFiles } from "../../runtime/proc_files.ts";

/** How often each process is checked: most jobs are shorter, and are never checked twice. */
const POLL_MS = 2_000;

/** Why what the core was doing fails. `what`: the function that has ended its thread. */
export const lostThread = (what: string) => `${what} has ended its thread, as pthread_exit does`;

/** A process whose core is doing something. */
export interface BusyCore {
  readonly pid: number;
  /** What it does: another text for each job. */
  readonly what: string;
  /** Ends the process, which will never answer. */
  end(): void;
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
      if (!isZombie(pid, this.#system)) continue;
      this.#seen.set(pid, what);
      if (before.get(pid) === what) core.end();
    }
  }
}

function isZombie(pid: number, system: ProcFiles): boolean {
  // Without one it is gone, or this is not Linux. The name in parentheses may have any characters.
  const stat = system.text(`/proc/${pid}/stat`) ?? "";
  return stat.startsWith("Z", stat.lastIndexOf(")") + 2);
}
