/** Warnings about workers that cannot be reached: a line for each, or one line for many. */

import type { Log } from "../../system/log.ts";

/** More warnings at the same time become one line with counts, so that a wrong host list does not fill the screen. */
const LINES_MAX = 3;

/** Collects warnings between two ticks. */
export class ConnectionWarnings {
  readonly #log: Log;
  /** Reasons by the worker's name. */
  readonly #waiting = new Map<string, string>();

  constructor(log: Log) {
    this.#log = log;
  }

  add(name: string, reason: string): void {
    this.#waiting.set(name, reason);
  }

  /** Logs the warnings since the last call. `addresses`: the number of addresses that are dialed. */
  flush(addresses: number): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    if (waiting.length <= LINES_MAX) {
      for (const [name, reason] of waiting) {
        this.#log.warn(`worker ${name}: ${reason}; trying again`);
      }
      return;
    }
    const counts = new Map<string, number>();
    for (const [, reason] of waiting) counts.set(reason, (counts.get(reason) ?? 0) + 1);
    const reasons = [...counts]
      .sort(([, one], [, other]) => other - one)
      .map(([reason, count]) => `${reason} (${count})`);
    this.#log.warn(
      `${waiting.length} of ${addresses} workers cannot be reached: ${reasons.join(", ")}; ` +
        "trying again",
    );
  }
}
