/**
 * Bounds the memory of receive buffers. Payloads of small jobs are views into the buffers that a connection is
 * read into. A queued one-byte job can keep a buffer of 256 KiB alive, and 65,536 such jobs 16 GiB, although
 * their payloads are within all bounds.
 */

/** Payloads are compacted each time this much was received. */
const COMPACT_EVERY_BYTES = 16 * 1024 * 1024;

/** Payloads are copied if all those in their buffer fill less than this part of it. */
const FILLED_PART_MIN = 1 / 4;

/** What a job takes besides its payload, roughly. */
const JOB_BYTES = 64;

/** Something whose payload may be replaced by a copy. */
export interface PayloadHolder {
  payload: Uint8Array<ArrayBuffer>;
}

/** The receive buffers of one connection. */
export class ReceiveBuffers {
  readonly #holders: () => readonly PayloadHolder[];
  #last: ArrayBuffer | undefined;
  #receivedBytes = 0;

  /** `holders` returns everything that still needs its payload. */
  constructor(holders: () => readonly PayloadHolder[]) {
    this.#holders = holders;
  }

  /** A payload was received. */
  onReceived({ buffer }: Uint8Array<ArrayBuffer>): void {
    if (buffer === this.#last) return;
    this.#last = buffer;
    this.#receivedBytes += buffer.byteLength;
    if (this.#receivedBytes < COMPACT_EVERY_BYTES) return;
    this.#receivedBytes = 0;
    this.#compact();
  }

  /** Copies payloads out of buffers that they barely fill, so that these can be freed. */
  #compact(): void {
    const holders = this.#holders();
    const neededBytes = new Map<ArrayBuffer, number>();
    for (const { payload: { buffer, byteLength } } of holders) {
      neededBytes.set(buffer, (neededBytes.get(buffer) ?? 0) + byteLength + JOB_BYTES);
    }
    for (const holder of holders) {
      const { buffer } = holder.payload;
      if (buffer === this.#last) continue; // more is still received into it
      const filledPart = (neededBytes.get(buffer) as number) / buffer.byteLength;
      if (filledPart < FILLED_PART_MIN) holder.payload = holder.payload.slice();
    }
  }
}
