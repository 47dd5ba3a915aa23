/** How much memory this machine has left, read from the system's files a few times a second at most. */

import type { Clock } from "../runtime/clock.ts";
import type { SystemFiles } from "../runtime/system_text.ts";
import { type UsableMemory, usableMemory } from "../system/usable_memory.ts";

/** Reading takes a tenth of a millisecond, and every ping asks for it. People look once a second. */
const FRESH_MS = 100;

/** Remembers what was read last. */
export class MemoryGauge {
  readonly #clock: Clock;
  readonly #system: SystemFiles;
  #last: { readonly memory: UsableMemory; readonly atMs: number } | undefined;

  constructor(clock: Clock, system: SystemFiles) {
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
