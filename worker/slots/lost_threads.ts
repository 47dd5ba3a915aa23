/**
 * Notices processes whose core has ended the thread that called it, as `pthread_exit` does. The runtime's other threads keep
 * the process, which answers nothing any more. Linux then shows it as a zombie, like one that has ended.
 */

import type { SystemFiles } from "../../runtime/system_text.ts";

/** How often each process is looked at: most jobs are shorter, and are never looked at twice. */
const LOOK_MS = 2_000;

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
  readonly #system: SystemFiles;
  #lookedAtMs = 0;
  /** Those that were zombies at the last look: one that has ended is one, too, until it is noticed. */
  #seen = new Map<number, string>();

  constructor(system: SystemFiles) {
    this.#system = system;
  }

  /** Ends those that will never answer, if it is time to look. */
  end(busy: () => Iterable<BusyCore>, nowMs: number): void {
    if (nowMs - this.#lookedAtMs < LOOK_MS) return;
    this.#lookedAtMs = nowMs;
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

function isZombie(pid: number, system: SystemFiles): boolean {
  // Without one it is gone, or this is not Linux. The name in parentheses may have any characters.
  const stat = system.text(`/proc/${pid}/stat`) ?? "";
  return stat.startsWith("Z", stat.lastIndexOf(")") + 2);
}
