/**
 * Memory for large inputs and outputs that is used again. New memory costs several times as much as what is copied
 * into it: it is zeroed, its pages are faulted in one by one, and the garbage collector looks for it all the time.
 */

import { type FindPlace, HEADER_BYTES } from "../../protocol/mod.ts";

/** Smaller contents share memory with others, and cost little. */
const BYTES_MIN = 16 * 1024;

/**
 * What a content that is lent has at least: the prefixes of a payload are smaller than the difference. Whatever is given
 * back and has less was never lent, which costs less to see than to ask for its buffer.
 */
const LENT_BYTES_MIN = BYTES_MIN - 1024;

/**
 * Larger ones get memory of their own as they arrive, which is not used again: a peer that only announces a large
 * payload must not get memory for it. A content of 1 MiB and what stands before it fit.
 */
const BYTES_MAX = 1024 * 1024 + 64 * 1024;

/** Sizes are rounded up to multiples of this, so that contents of similar sizes share memory. */
const STEP_BYTES = 64 * 1024;

/** So much is kept that nobody uses now. More than a batch of outputs is seldom free at a time. */
const FREE_BYTES_MAX = 16 * 1024 * 1024;

/** Lends memory, and gets it back from whoever has used it last. */
export class PayloadMemory {
  /** What is lent. Memory that nobody gives back is freed by the garbage collector. */
  readonly #lent = new WeakSet<ArrayBufferLike>();
  /** What is free, by its size in steps. */
  readonly #free: ArrayBuffer[][] = [];
  #freeBytes = 0;

  /** The bytes that are kept and not lent. */
  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** Memory with any content; `undefined` if a content of this size gets its own in another way. */
  take(bytes: number): Uint8Array<ArrayBuffer> | undefined {
    if (bytes < BYTES_MIN || bytes > BYTES_MAX) return undefined;
    const steps = Math.ceil(bytes / STEP_BYTES);
    let buffer = this.#free[steps]?.pop();
    if (buffer) this.#freeBytes -= buffer.byteLength;
    else buffer = new ArrayBuffer(steps * STEP_BYTES);
    this.#lent.add(buffer);
    return new Uint8Array(buffer, 0, bytes);
  }

  /** The same for a payload that begins to arrive. */
  readonly findPlace: FindPlace = (_type, payloadBytes) => {
    const withHeader = this.take(payloadBytes + HEADER_BYTES);
    if (!withHeader) return undefined;
    const bytes = withHeader.subarray(0, payloadBytes);
    return { bytes, withHeader, release: () => this.give(bytes) };
  };

  /** Nobody needs these bytes any more. Does nothing unless they lie in memory that is lent. */
  give(bytes: Uint8Array): void {
    if (bytes.byteLength < LENT_BYTES_MIN) return;
    const { buffer } = bytes;
    if (!this.#lent.delete(buffer)) return;
    if (this.#freeBytes + buffer.byteLength > FREE_BYTES_MAX) return;
    const steps = buffer.byteLength / STEP_BYTES;
    (this.#free[steps] ??= []).push(buffer as ArrayBuffer);
    this.#freeBytes += buffer.byteLength;
  }

  /** Somebody else may need these bytes for longer: `give` does nothing with them from now on. */
  keep({ buffer }: Uint8Array): void {
    this.#lent.delete(buffer);
  }
}
