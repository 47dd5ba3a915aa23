/** The state that is shown. It is not collected for each who asks, and stays when the run has ended. */

import type { Clock } from "../runtime/clock.ts";
import type { Snapshot } from "../watch/snapshot.ts";

/** For this long a state is new enough: pages ask each second. */
const FRESH_MS = 500;

/** The last state that somebody has asked for. */
export class LatestState {
  readonly #collect: () => Snapshot;
  readonly #clock: Clock;
  #snapshot: Snapshot | undefined;
  #json = "";
  #takenAtMs = 0;
  #hasEnded = false;

  constructor(collect: () => Snapshot, clock: Clock) {
    this.#collect = collect;
    this.#clock = clock;
  }

  snapshot(): Snapshot {
    const nowMs = this.#clock.now();
    const isFresh = this.#hasEnded || nowMs - this.#takenAtMs < FRESH_MS;
    if (this.#snapshot && isFresh) return this.#snapshot;
    this.#takenAtMs = nowMs;
    this.#json = "";
    return this.#snapshot = this.#collect();
  }

  json(): string {
    const snapshot = this.snapshot();
    return this.#json ||= JSON.stringify({ ...snapshot, hasEnded: this.#hasEnded });
  }

  /** From now on, the state stays as it is. */
  onEnded(): void {
    this.#takenAtMs = -Infinity;
    this.snapshot();
    this.#hasEnded = true;
    this.#json = "";
  }
}
