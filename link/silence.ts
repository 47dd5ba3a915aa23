/** Measures how long a peer has been silent, not counting time when this process was suspended or not reading. */

/**
 * The most that one call adds. When a process was suspended or busy, its timers run before it reads what has
 * arrived, so a late call does not mean that the peer was silent.
 */
const POLL_MS_MAX = 1_000;

/** Measures the silence of one peer. Call `poll` several times a second. */
export class Silence {
  #signs = 0;
  #silentMs = 0;
  #polledAtMs: number | undefined;

  /** `signs`: the number of signs of life so far. Returns the milliseconds since the last one. */
  poll(signs: number, isListening: boolean, nowMs: number): number {
    const elapsedMs = Math.min(nowMs - (this.#polledAtMs ?? nowMs), POLL_MS_MAX);
    this.#polledAtMs = nowMs;
    const isAlive = signs !== this.#signs || !isListening;
    this.#silentMs = isAlive ? 0 : this.#silentMs + elapsedMs;
    this.#signs = signs;
    return this.#silentMs;
  }
}
