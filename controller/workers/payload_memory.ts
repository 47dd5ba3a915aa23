/**
 * Memory for large inputs and outputs that is used again. New memory costs several times as much as what is copied
 * into it: it is zeroed, its pages are faulted in one by one, and the garbage collector looks for it all the time.
 */

import { type FindPlace, HEADER_BYTES, type ReferenceEvents } from "../../protocol/mod.ts";

/** Smaller contents share memory with others, and cost little. */
const BYTES_MIN = 16 * 1024;

/**
 * What a content that is lent has at least: the prefixes of a payload are smaller than the difference. Whatever is
 * given back and has less was never lent, which costs less to see than to ask for its buffer.
 */
const LENT_BYTES_MIN = BYTES_MIN - 1024;

/**
 * Larger ones get memory of their own as they arrive, which is not used again: a peer that only announces a large
 * payload must not get memory for it. A content of 1 MiB and what stands before it fit.
 */
const BYTES_MAX = 1024 * 1024 + 64 * 1024;

/** Sizes are rounded up to multiples of this, so that contents of similar sizes share memory. */
const STEP_BYTES = 16 * 1024;

/** How much is kept that nobody uses now. More than a batch of outputs is seldom free at a time. */
const FREE_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Lends memory, and gets it back from whoever has used it last. Whoever takes memory owns it, and writes all of a
 * content before anybody reads it: what is left of earlier contents is behind its end. Whoever has given it back must
 * not use it any more. A worker may answer a job before it has read the input, and a copy of the job may be on its way
 * to another worker. So memory that is given back while a link still sends it is never lent again.
 */
export class PayloadMemory implements ReferenceEvents {
  /** What is lent. Memory that nobody gives back is freed by the garbage collector. */
  readonly #lent = new WeakSet<ArrayBufferLike>();
  /** How many times links are sending what is lent. */
  readonly #sending = new WeakMap<ArrayBufferLike, number>();
  /** What is free, by its size. The sizes that were used last come last. */
  readonly #free = new Map<number, ArrayBuffer[]>();
  #freeBytes = 0;

  /** The bytes that are kept and not lent. */
  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** Memory with any content; `undefined` if a content of this size gets its own in another way. */
  take(bytes: number): Uint8Array<ArrayBuffer> | undefined {
    if (bytes < BYTES_MIN || bytes > BYTES_MAX) return undefined;
    const size = Math.ceil(bytes / STEP_BYTES) * STEP_BYTES;
    const buffer = this.#takeFree(size) ?? new ArrayBuffer(size);
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
    if (!this.#lent.delete(buffer) || this.#sending.has(buffer)) return;
    const size = buffer.byteLength;
    const free = this.#free.get(size) ?? [];
    this.#free.delete(size);
    this.#free.set(size, free);
    free.push(buffer as ArrayBuffer);
    this.#freeBytes += size;
    if (this.#freeBytes > FREE_BYTES_MAX) this.#forgetOldest();
  }

  onReferenced({ buffer }: Uint8Array): void {
    if (this.#lent.has(buffer)) this.#sending.set(buffer, (this.#sending.get(buffer) ?? 0) + 1);
  }

  onReleased({ buffer }: Uint8Array): void {
    const count = this.#sending.get(buffer) ?? 0;
    if (count > 1) this.#sending.set(buffer, count - 1);
    else this.#sending.delete(buffer);
  }

  #takeFree(size: number): ArrayBuffer | undefined {
    const free = this.#free.get(size);
    const buffer = free?.pop();
    if (!buffer) return undefined;
    this.#freeBytes -= size;
    if (free?.length === 0) this.#free.delete(size);
    return buffer;
  }

  /** Makes room: contents of the sizes that were used last are the most likely to come again. */
  #forgetOldest(): void {
    for (const size of this.#free.keys()) {
      while (this.#freeBytes > FREE_BYTES_MAX && this.#takeFree(size));
    }
  }
}
