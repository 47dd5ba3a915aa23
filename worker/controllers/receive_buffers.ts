/**
 * The payloads of small jobs are views of the buffers that a connection is read into. So a waiting job of one
 * byte can keep a buffer of 256 KiB in memory, and 65,536 such jobs 16 GiB, although they are within all bounds.
 * For that reason payloads are copied out of buffers that are mostly unused.
 */

import type { PlacedPayload } from "../job.ts";

/** Buffers are checked each time this much was received. */
const COMPACT_EVERY_BYTES = 16 * 1024 * 1024;

/** Payloads that fill less than this fraction of their buffer are copied. */
const FILLED_PART_MIN = 1 / 4;

/** About what a job takes beside its payload. */
const JOB_BYTES = 64;

/** A job, as far as its payload goes. One that has a place is in no such buffer. */
export type PayloadHolder = PlacedPayload;

/** The receive buffers of one connection. */
export class ReceiveBuffers {
  readonly #holders: () => readonly PayloadHolder[];
  #last: ArrayBuffer | undefined;
  #receivedBytes = 0;

  /** `holders` gives all jobs that still need their payloads. */
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

  /** Copies payloads out of buffers that are mostly unused. */
  #compact(): void {
    const holders = this.#holders().filter(({ place }) => !place);
    const neededBytes = new Map<ArrayBuffer, number>();
    for (const { payload: { buffer, byteLength } } of holders) {
      neededBytes.set(buffer, (neededBytes.get(buffer) ?? 0) + byteLength + JOB_BYTES);
    }
    for (const holder of holders) {
      const { buffer } = holder.payload;
      if (buffer === this.#last) continue; // it is still being filled
      const filledPart = (neededBytes.get(buffer) as number) / buffer.byteLength;
      if (filledPart < FILLED_PART_MIN) holder.payload = new Uint8Array(holder.payload);
    }
  }
}
