/** Cores that failed to load: when to try again, and when to give up. */

import type { CoreKey } from "./ids.ts";

/** The pause before a core is loaded again. It doubles with each failure. */
const PAUSE_MS_FIRST = 100;
const PAUSE_MS_MAX = 5_000;

/** A core that no endpoint holds is given up after this many failures in a row. */
const FAILURES_MAX = 3;

/** Counts failures by core, as long as jobs wait for the core. */
export class LoadFailures {
  readonly #failures = new Map<CoreKey, { count: number; untilMs: number }>();

  add(core: CoreKey, nowMs: number): void {
    const count = (this.#failures.get(core)?.count ?? 0) + 1;
    const pauseMs = Math.min(PAUSE_MS_FIRST * 2 ** (count - 1), PAUSE_MS_MAX);
    this.#failures.set(core, { count, untilMs: nowMs + pauseMs });
  }

  /** The core was loaded, or is given up. */
  delete(core: CoreKey): void {
    this.#failures.delete(core);
  }

  /** Forgets all other cores. If jobs need one of them again, its count starts at zero. */
  keepOnly(wanted: ReadonlyMap<CoreKey, unknown>): void {
    for (const core of this.#failures.keys()) {
      if (!wanted.has(core)) this.#failures.delete(core);
    }
  }

  isPaused(core: CoreKey, nowMs: number): boolean {
    const failure = this.#failures.get(core);
    return failure !== undefined && nowMs < failure.untilMs;
  }

  /** Whether the core has failed so often that it is given up, unless an endpoint holds or is still loading it. */
  isExhausted(core: CoreKey): boolean {
    return (this.#failures.get(core)?.count ?? 0) >= FAILURES_MAX;
  }
}
