/** What really happened in a simulation, seen from outside the code that is tested: the truth for its checks. */

import type { PlannedJob } from "./jobs.ts";

/** Why a good job may fail all the same, and how often each job was started. */
interface Entry {
  starts: number;
  /** How often its slot was killed from outside while it ran. */
  kills: number;
  /** How often a machine or a connection was lost while it ran there. */
  losses: number;
}

/** The jobs of one run. */
export class Ledger {
  readonly #entries = new Map<number, Entry>();

  of({ index }: Pick<PlannedJob, "index">): Entry {
    let entry = this.#entries.get(index);
    if (!entry) this.#entries.set(index, entry = { starts: 0, kills: 0, losses: 0 });
    return entry;
  }
}
