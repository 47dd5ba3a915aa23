/** Whether it is faster to compress what goes over a link. */

import type { Compressor } from "./compressed_writes.ts";

/** What a compressor is thought to do as long as nothing is known: that of a CPU of today, with text. */
const EXPECTED: Compressor = { bytesPerMs: 200_000, ratio: 2 };

/**
 * Compression begins if it makes the link this many times as fast, and ends if it gains less than the second number.
 */
const GAIN_MIN_ON = 1.5;
const GAIN_MIN_OFF = 1.1;

/** When compression is tried again after it gained too little, as other data may come: later each time. */
const RETRY_MS_FIRST = 10_000;
const RETRY_MS_MAX = 600_000;

/** The choice for one direction of a link. */
export class CompressionChoice {
  #isOn = false;
  #retryMs = RETRY_MS_FIRST;
  #retryAtMs = 0;

  get isOn(): boolean {
    return this.#isOn;
  }

  /**
   * Chooses again. Call it several times a second. `linkBytesPerMs`: how fast the link is; `compressor`: what it does
   * to the data, if known.
   */
  poll(
    linkBytesPerMs: number,
    compressor: Partial<Compressor> | undefined,
    nowMs: number,
  ): boolean {
    if (!this.#isOn) {
      const begins = nowMs >= this.#retryAtMs && gainOf(linkBytesPerMs, EXPECTED) >= GAIN_MIN_ON;
      return this.#isOn = begins;
    }
    const gain = gainOf(linkBytesPerMs, { ...EXPECTED, ...compressor });
    if (gain >= GAIN_MIN_OFF) {
      if (compressor) this.#retryMs = RETRY_MS_FIRST;
      return true;
    }
    this.#retryAtMs = nowMs + this.#retryMs;
    this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MS_MAX);
    return this.#isOn = false;
  }
}

/** How many times as fast bytes arrive if they are compressed first, and then sent. */
function gainOf(linkBytesPerMs: number, { bytesPerMs, ratio }: Compressor): number {
  return 1 / (linkBytesPerMs / bytesPerMs + 1 / ratio);
}
