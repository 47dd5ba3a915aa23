/** How much memory this machine has left, read from the system's files a few times a second at most. */

import type { Clock } from "../runtime/clock.ts";
import type { ProcFiles } from "../runtime/proc_files.ts";
import { type UsableMemory, usableMemory } from "../system/usable_memory.ts";

/** Reading takes a tenth of a millisecond, and every ping asks for it. People look once a second. */
const FRESH_MS = 100;

/** Remembers what was read last. */
export class MemoryMeter {
  readonly #clock: Clock;
  readonly #system: ProcFiles;
  #last: { readonly memory: UsableMemory; readonly atMs: number } | undefined;

  constructor(clock: Clock, system: ProcFiles) {
    this.#clock = clock;
    this.#system = system;
  }

  get memory(): UsableMemory {
    const nowMs = this.#clock.now();
    if (!this.#last || nowMs - this.#last.atMs >= FRESH_MS) {
      this.#last = { memory: usableMemory(this.#system), atMs: nowMs };
    }
    return this.#last.memory;
  }
}
