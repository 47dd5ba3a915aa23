/** Warnings about workers that cannot be reached: a line for each, or one line for many. */

import { countedReasons } from "../../system/grouped_reasons.ts";
import type { Log } from "../../system/log.ts";

/** More warnings at the same time become one line with counts, so that a wrong host list does not fill the screen. */
const LINES_MAX = 3;

/** Names are looked up, and attempts to connect end, at different times: after a warning, others wait this long. */
const PAUSE_MS = 2_000;

/** Collects warnings, and reports them together. */
export class ConnectionWarnings {
  readonly #log: Log;
  /** Reasons by the worker's name. */
  readonly #waiting = new Map<string, string>();
  #nextAtMs = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  add(name: string, reason: string): void {
    this.#waiting.set(name, reason);
  }

  /** Call it several times a second. `addresses`: the number of addresses that are dialed. */
  onTick(nowMs: number, addresses: number): void {
    if (this.#waiting.size === 0 || nowMs < this.#nextAtMs) return;
    this.#nextAtMs = nowMs + PAUSE_MS;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    if (waiting.length <= LINES_MAX) {
      for (const [name, reason] of waiting) {
        this.#log.warn(`worker ${name}: ${reason}; trying again`);
      }
      return;
    }
    const reasons = countedReasons(waiting.map(([, reason]) => reason));
    this.#log.warn(
      `${waiting.length} of ${addresses} workers cannot be reached: ${reasons}; trying again`,
    );
  }
}
