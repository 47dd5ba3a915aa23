/** Collects entries of a pack, so that many small ones are written at once. Large outputs are not copied. */

import type { OutputMemory } from "../sink.ts";

/** A batch of this size is written. Larger ones save nothing: writing takes some 0.2 ms then, and a call 0.05 ms. */
const BATCH_BYTES = 1024 * 1024;

/** A larger part is not copied. */
const COPIED_BYTES_MAX = 64 * 1024;

/** A buffer of which less is free is not used for the next batch: that would be written in more parts than it needs. */
const FREE_BYTES_MIN = BATCH_BYTES / 2;

/** Entries that are not written yet. */
export class PackBatch {
  /** Lends the buffers, if it is there. */
  memory: OutputMemory | undefined;
  /** What is complete, in order. */
  #parts: Uint8Array[] = [];
  /** Memory that nobody needs any more when the batch is written: outputs that were not copied, and full buffers. */
  #referenced: Uint8Array[] = [];
  /** What is copied goes here. Between two large outputs that is little, so that batches share it. */
  #buffer: Uint8Array<ArrayBuffer> | undefined;
  /** Where the part of the buffer begins that is in no part yet, and where it ends. */
  #start = 0;
  #end = 0;
  #bytes = 0;
  #entries = 0;

  /** The size of all that was added. */
  get bytes(): number {
    return this.#bytes;
  }

  get isFull(): boolean {
    return this.#bytes >= BATCH_BYTES;
  }

  /** Adds bytes. Returns whether it has copied them. If not, they must not change before they are written. */
  add(bytes: Uint8Array): boolean {
    const { byteLength } = bytes;
    if (byteLength === 0) return true;
    this.#bytes += byteLength;
    if (byteLength > COPIED_BYTES_MAX) {
      this.#endPart();
      this.#parts.push(bytes);
      this.#referenced.push(bytes);
      return false;
    }
    const buffer = this.#roomFor(byteLength);
    buffer.set(bytes, this.#end);
    this.#end += byteLength;
    return true;
  }

  /** The parts of an entry are all there. */
  endEntry(): void {
    this.#entries += 1;
  }

  /**
   * Takes everything out. Batches must be written in the order in which they were taken: the last part of a buffer is
   * in the batch that has the buffer among its `referenced`.
   */
  take(): TakenBatch {
    this.#endPart();
    if (this.#buffer && this.#buffer.byteLength - this.#end < FREE_BYTES_MIN) this.#endBuffer();
    const taken = {
      parts: this.#parts,
      referenced: this.#referenced,
      bytes: this.#bytes,
      entries: this.#entries,
    };
    this.#parts = [];
    this.#referenced = [];
    this.#bytes = 0;
    this.#entries = 0;
    return taken;
  }

  #roomFor(bytes: number): Uint8Array<ArrayBuffer> {
    if (this.#buffer && this.#end + bytes > this.#buffer.byteLength) this.#endBuffer();
    return this.#buffer ??= this.memory?.take(BATCH_BYTES) ?? new Uint8Array(BATCH_BYTES);
  }

  /** The rest of the buffer is not used. */
  #endBuffer(): void {
    this.#endPart();
    if (this.#buffer) this.#referenced.push(this.#buffer);
    this.#buffer = undefined;
    this.#start = this.#end = 0;
  }

  #endPart(): void {
    if (this.#buffer && this.#end > this.#start) {
      this.#parts.push(this.#buffer.subarray(this.#start, this.#end));
    }
    this.#start = this.#end;
  }
}

/** A batch on its way to the disk. */
export interface TakenBatch {
  readonly parts: readonly Uint8Array[];
  /** The memory of the parts that nobody needs when they are written. */
  readonly referenced: readonly Uint8Array[];
  readonly bytes: number;
  readonly entries: number;
}
