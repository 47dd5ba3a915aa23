/** How long a peer has been silent, in time in which this process was awake and ready to hear it. */

/**
 * One look counts for at most this much. A process that was stopped or busy for long finds what has come
 * meanwhile only after its timers have run; a look that is late says nothing of the peer.
 */
const LOOK_MS_MAX = 1_000;

/** Counts for one connection; look at it several times a second. */
export class Silence {
  #signs = 0;
  #silentMs = 0;
  #lookedAtMs: number | undefined;

  /** `signs`: how many signs of life there were so far. Returns for how long there was none. */
  look(signs: number, isListening: boolean, nowMs: number): number {
    const elapsedMs = Math.min(nowMs - (this.#lookedAtMs ?? nowMs), LOOK_MS_MAX);
    this.#lookedAtMs = nowMs;
    const isAlive = signs !== this.#signs || !isListening;
    this.#silentMs = isAlive ? 0 : this.#silentMs + elapsedMs;
    this.#signs = signs;
    return this.#silentMs;
  }
}
