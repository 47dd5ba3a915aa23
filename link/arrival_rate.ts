/** Measures how fast a link delivers bytes while the peer has more to send. */

/**
 * A frame that is longer than this was written in one go: up to here, what is measured is the pace of the peer, not of
 * the link.
 */
const BURST_BYTES_MIN = 64 * 1024;

/** The bytes of one measurement: 40 ms at 100 Mbit/s. */
const WINDOW_BYTES = 512 * 1024;

/** Only the time that a read waits inside a frame counts, so that a receiver which is busy itself measures no less. */
export class ArrivalRate {
  #burstBytes = 0;
  #bytes = 0;
  #waitedMs = 0;
  #last = 0;
  /** The better one of the last two measurements: a network that stalls once is not slow. */
  #bytesPerMs: number | undefined;
  #measurements = 0;

  /** How often the rate was measured. */
  get measurements(): number {
    return this.#measurements;
  }

  /** The rate in bytes per millisecond; `undefined` as long as it is unknown. */
  get bytesPerMs(): number | undefined {
    return this.#bytesPerMs;
  }

  /** A read has waited for `bytes` bytes. `isInside`: whether it began inside a frame. */
  onRead(bytes: number, waitedMs: number, isInside: boolean): void {
    this.#burstBytes = isInside ? this.#burstBytes + bytes : 0;
    if (this.#burstBytes < BURST_BYTES_MIN) return;
    this.#bytes += bytes;
    this.#waitedMs += waitedMs;
    if (this.#bytes < WINDOW_BYTES) return;
    const rate = this.#bytes / this.#waitedMs;
    this.#bytesPerMs = Math.max(rate, this.#last);
    this.#last = rate;
    this.#measurements += 1;
    this.#bytes = 0;
    this.#waitedMs = 0;
  }
}
