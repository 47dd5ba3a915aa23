/** From bytes, however they are cut, to frames. */

import { PayloadTooLargeError } from "./errors.ts";
import type { Frame } from "./frame.ts";
import { HEADER_BYTES, PAYLOAD_BYTES_MAX_DEFAULT } from "./limits.ts";
import { readUint64, type Uint64 } from "./uint64.ts";

/** Small frames share chunks of this size: one read brings many, and a read stays one system call. */
const CHUNK_BYTES = 256 * 1024;

/** With less room than this left, a new chunk pays for itself in longer reads. */
const READ_BYTES_MIN = 32 * 1024;

/** A payload over this gets memory of its own, so that it neither is moved nor pins a chunk. */
const SHARED_PAYLOAD_BYTES_MAX = 64 * 1024;

/**
 * First memory for such a payload. It doubles as bytes really come in, so that a peer which only
 * announces a large payload costs this much and no more.
 */
const FIRST_ALLOCATION_BYTES_MAX = 4 * 1024 * 1024;

const NOTHING = new Uint8Array(0);

/** A payload that is too large for a chunk, while it comes in. */
interface PartialPayload {
  readonly type: number;
  readonly id: Uint64;
  readonly payloadBytes: number;
  bytes: Uint8Array<ArrayBuffer>;
  filled: number;
}

/**
 * Cuts a byte stream into frames. It reads nothing itself: ask for `space()`, read into it, say how much
 * came with `commit()`, and take frames with `next()` until there is none, before you read again.
 *
 * ```ts
 * import { FrameDecoder } from "./frame_decoder.ts";
 * import { encodeFrame } from "./frame.ts";
 *
 * const decoder = new FrameDecoder();
 * decoder.feed(encodeFrame({ type: 1, id: 7, payload: new Uint8Array([1]) }));
 * // [{ type: 1, id: 7, payload: Uint8Array [ 1 ] }]
 * ```
 */
export class FrameDecoder {
  readonly #payloadBytesMax: number;
  #chunk: Uint8Array<ArrayBuffer> = NOTHING;
  #view = new DataView(NOTHING.buffer);
  #start = 0;
  #end = 0;
  #partial: PartialPayload | undefined;

  constructor(options: { payloadBytesMax?: number } = {}) {
    this.#payloadBytesMax = options.payloadBytesMax ?? PAYLOAD_BYTES_MAX_DEFAULT;
  }

  /** Bytes taken in that belong to no whole frame yet. Not 0 at the end of a stream: it was cut. */
  get heldBytes(): number {
    const inChunk = this.#end - this.#start;
    return this.#partial ? HEADER_BYTES + this.#partial.filled : inChunk;
  }

  /** Where the next bytes of the stream go; never empty, valid until `commit`. */
  space(): Uint8Array<ArrayBuffer> {
    if (this.#partial) return this.#partial.bytes.subarray(this.#partial.filled);
    if (this.#chunk.byteLength - this.#end < READ_BYTES_MIN) this.#renewChunk();
    return this.#chunk.subarray(this.#end);
  }

  /** Says that the first `bytes` bytes of `space()` are filled. */
  commit(bytes: number): void {
    if (this.#partial) this.#partial.filled += bytes;
    else this.#end += bytes;
  }

  /**
   * Takes in bytes that lie somewhere else already, at the price of a copy, and gives the whole frames.
   * Throws like `next`, and then the frames of this call are lost.
   */
  feed(bytes: Uint8Array): Frame[] {
    const frames: Frame[] = [];
    for (let taken = 0; taken < bytes.byteLength;) {
      const space = this.space();
      const part = bytes.subarray(taken, taken + space.byteLength);
      space.set(part);
      this.commit(part.byteLength);
      taken += part.byteLength;
      for (let frame = this.next(); frame; frame = this.next()) frames.push(frame);
    }
    return frames;
  }

  /** The next whole frame. Throws `PayloadTooLargeError`, and then again at every further call. */
  next(): Frame | undefined {
    if (this.#partial) return this.#finishPartial(this.#partial);
    const held = this.#end - this.#start;
    if (held < HEADER_BYTES) return undefined;

    const type = this.#view.getUint8(this.#start);
    const id = readUint64(this.#view, this.#start + 1);
    const payloadBytes = readUint64(this.#view, this.#start + 9);
    if (typeof payloadBytes === "bigint" || payloadBytes > this.#payloadBytesMax) {
      throw new PayloadTooLargeError(id, payloadBytes, this.#payloadBytesMax);
    }
    const at = this.#start + HEADER_BYTES;
    if (held < HEADER_BYTES + payloadBytes) {
      if (payloadBytes > SHARED_PAYLOAD_BYTES_MAX) this.#startPartial(type, id, payloadBytes);
      return undefined;
    }
    this.#start = at + payloadBytes;
    return { type, id, payload: new Uint8Array(this.#chunk.buffer, at, payloadBytes) };
  }

  #startPartial(type: number, id: Uint64, payloadBytes: number): void {
    const bytes = new Uint8Array(Math.min(payloadBytes, FIRST_ALLOCATION_BYTES_MAX));
    const here = this.#chunk.subarray(this.#start + HEADER_BYTES, this.#end);
    bytes.set(here);
    this.#start = this.#end;
    this.#partial = { type, id, payloadBytes, bytes, filled: here.byteLength };
  }

  #finishPartial(partial: PartialPayload): Frame | undefined {
    if (partial.filled < partial.payloadBytes) {
      if (partial.filled === partial.bytes.byteLength) this.#growPartial(partial);
      return undefined;
    }
    this.#partial = undefined;
    return { type: partial.type, id: partial.id, payload: partial.bytes };
  }

  #growPartial(partial: PartialPayload): void {
    const bytes = new Uint8Array(Math.min(partial.payloadBytes, 2 * partial.bytes.byteLength));
    bytes.set(partial.bytes);
    partial.bytes = bytes;
  }

  /** Starts a new chunk with what is left of the old one; frames cut from the old one keep it. */
  #renewChunk(): void {
    const rest = this.#chunk.subarray(this.#start, this.#end);
    this.#chunk = new Uint8Array(CHUNK_BYTES);
    this.#view = new DataView(this.#chunk.buffer);
    this.#chunk.set(rest);
    this.#start = 0;
    this.#end = rest.byteLength;
  }
}
