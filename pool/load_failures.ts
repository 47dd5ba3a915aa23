/** Cores that could not be loaded: when to try again, and when to stop. */

import type { CoreKey } from "./types.ts";

/** A core is tried again after a pause, doubling from the first. */
const PAUSE_MS = { first: 100, longest: 5_000 };

/** A core that no endpoint holds is given up after this many failures in a row. */
const FAILURES_MAX = 3;

/** Counts failures by core, as long as jobs wait for it. */
export class LoadFailures {
  readonly #failures = new Map<CoreKey, { count: number; untilMs: number }>();

  add(core: CoreKey, nowMs: number): void {
    const count = (this.#failures.get(core)?.count ?? 0) + 1;
    const pauseMs = Math.min(PAUSE_MS.first * 2 ** (count - 1), PAUSE_MS.longest);
    this.#failures.set(core, { count, untilMs: nowMs + pauseMs });
  }

  /** It was loaded, or is given up. */
  delete(core: CoreKey): void {
    this.#failures.delete(core);
  }

  /** Forgets cores that are not wanted: who wants one again begins anew. */
  keepOnly(wanted: ReadonlyMap<CoreKey, unknown>): void {
    for (const core of this.#failures.keys()) {
      if (!wanted.has(core)) this.#failures.delete(core);
    }
  }

  isPaused(core: CoreKey, nowMs: number): boolean {
    const failure = this.#failures.get(core);
    return failure !== undefined && nowMs < failure.untilMs;
  }

  /** It has failed so often that only an endpoint that holds it, or may soon, is a reason to go on. */
  isHopeless(core: CoreKey): boolean {
    return (this.#failures.get(core)?.count ?? 0) >= FAILURES_MAX;
  }
}
