/** How long a peer has been silent while this process was awake and reading. */

/**
 * One call counts for at most this much. After a process was stopped or busy for long, its timers run before
 * it reads what has arrived meanwhile. So a late call says nothing about the peer.
 */
const LOOK_MS_MAX = 1_000;

/** Measures one connection. Call `look` several times a second. */
export class Silence {
  #signs = 0;
  #silentMs = 0;
  #lookedAtMs: number | undefined;

  /** `signs`: how many signs of life there have been. Returns for how many milliseconds there was none. */
  look(signs: number, isListening: boolean, nowMs: number): number {
    const elapsedMs = Math.min(nowMs - (this.#lookedAtMs ?? nowMs), LOOK_MS_MAX);
    this.#lookedAtMs = nowMs;
    const isAlive = signs !== this.#signs || !isListening;
    this.#silentMs = isAlive ? 0 : this.#silentMs + elapsedMs;
    this.#signs = signs;
    return this.#silentMs;
  }
}
