/** Cuts a stream of bytes into frames. */

import { PayloadTooLargeError } from "./errors.ts";
import type { Frame } from "./frame.ts";
import { HEADER_BYTES, PAYLOAD_BYTES_MAX_DEFAULT } from "./limits.ts";
import { NO_PAYLOAD } from "./payload.ts";
import { readUint64, type Uint64 } from "./uint64.ts";

/** Small frames share chunks of this size, so that one read, which is one system call, brings many of them. */
const CHUNK_BYTES = 256 * 1024;

/** A chunk with less room than this is replaced: the longer reads are worth the cost. */
const READ_BYTES_MIN = 32 * 1024;

/** A larger payload gets its own memory, so that it is not copied from chunk to chunk and keeps no chunk alive. */
const SHARED_PAYLOAD_BYTES_MAX = 64 * 1024;

/**
 * The first allocation for such a payload. It doubles as bytes arrive, so that a peer that only announces a
 * large payload costs no more than this. Payloads of usual sizes are not moved.
 */
const FIRST_ALLOCATION_BYTES_MAX = 1024 * 1024;

/** Bytes of a large payload in one read. A receiver that stops reading still gets what the read under way brings. */
const READ_BYTES_MAX = 1024 * 1024;

/**
 * After a payload of at least this size, a read brings so much at most that has to be copied to the next payload's own
 * memory. Of smaller ones, a read had better bring several.
 */
const ALONE_BYTES_MIN = 512 * 1024;
const HEAD_BYTES_MAX = 16 * 1024;

/** Memory of somebody else's for a whole payload. */
export interface PayloadPlace {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The payload does not arrive. Otherwise the memory belongs to whoever gets the frame. */
  release(): void;
}

/** Gives the place for a large payload that begins to arrive; `undefined`: it gets memory as it arrives. */
export type FindPlace = (type: number, payloadBytes: number) => PayloadPlace | undefined;

/** A payload with memory of its own that is arriving. */
export interface ArrivingPayload {
  readonly type: number;
  readonly id: Uint64;
  readonly payloadBytes: number;
  /** How much of it has arrived. */
  readonly filled: number;
}

interface PartialPayload extends ArrivingPayload {
  bytes: Uint8Array<ArrayBuffer>;
  filled: number;
  readonly place: PayloadPlace | undefined;
  /** Nobody wants it. `bytes` is overwritten again and again. */
  isDiscarded: boolean;
}

/** Bytes of a discarded payload in one read. */
const DISCARDED_BYTES_MAX = 64 * 1024;

/**
 * Cuts a stream of bytes into frames. The caller reads the stream: it gets a buffer from `space()`, reads into
 * it, passes the number of bytes to `commit()`, and calls `next()` until there are no more frames.
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
  readonly #findPlace: FindPlace | undefined;
  #chunk = NO_PAYLOAD;
  #start = 0;
  #end = 0;
  #partial: PartialPayload | undefined;
  /** The size of the last payload with memory of its own, if nothing else has come since. */
  #lastBytes = 0;

  constructor(
    options: { payloadBytesMax?: number | undefined; findPlace?: FindPlace | undefined } = {},
  ) {
    this.#payloadBytesMax = options.payloadBytesMax ?? PAYLOAD_BYTES_MAX_DEFAULT;
    this.#findPlace = options.findPlace;
  }

  /** Bytes of an incomplete frame. If there are any at the end of the stream, the stream was cut off. */
  get heldBytes(): number {
    const inChunk = this.#end - this.#start;
    return this.#partial ? HEADER_BYTES + this.#partial.filled : inChunk;
  }

  /** The large payload that is arriving, if there is one that is kept. */
  get arriving(): ArrivingPayload | undefined {
    return this.#partial?.isDiscarded ? undefined : this.#partial;
  }

  /** Gives up the payload that is arriving, and its memory. The rest of it is skipped, and its frame never comes. */
  discardArriving(): void {
    if (!this.#partial) return;
    this.#partial.isDiscarded = true;
    this.#partial.bytes = new Uint8Array(DISCARDED_BYTES_MAX);
  }

  /** Memory for what arrives next, which no frame that was returned has. */
  get allocatedBytes(): number {
    const { place, filled = 0, bytes, isDiscarded } = this.#partial ?? {};
    // A place takes memory only as it is filled.
    const isSparse = place !== undefined && !isDiscarded;
    return this.#chunk.byteLength + (isSparse ? filled : bytes?.byteLength ?? 0);
  }

  /** The buffer for the next bytes of the stream; never empty, valid until `commit`. */
  space(): Uint8Array<ArrayBuffer> {
    if (this.#partial) return this.#spaceOf(this.#partial);
    if (this.#chunk.byteLength - this.#end < READ_BYTES_MIN) this.#renewChunk();
    const bytesMax = this.#lastBytes < ALONE_BYTES_MIN ? CHUNK_BYTES : HEAD_BYTES_MAX;
    return this.#chunk.subarray(this.#end, this.#end + bytesMax);
  }

  /** The stream has ended, and nothing is being read into `space()` any more. */
  close(): void {
    this.#partial?.place?.release();
    this.#partial = undefined;
  }

  /** Reports that the first `bytes` bytes of `space()` were filled. */
  commit(bytes: number): void {
    if (this.#partial) this.#partial.filled += bytes;
    else this.#end += bytes;
  }

  /**
   * Decodes bytes from another buffer, which copies them, and returns the complete frames. Throws like `next`;
   * then the frames of this call are lost.
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

  /** The next complete frame, if there is one. After a `PayloadTooLargeError`, every later call throws it again. */
  next(): Frame | undefined {
    if (this.#partial) return this.#finishPartial(this.#partial);
    const held = this.#end - this.#start;
    if (held < HEADER_BYTES) return undefined;

    const type = this.#chunk[this.#start] as number;
    const id = readUint64(this.#chunk, this.#start + 1);
    const payloadBytes = readUint64(this.#chunk, this.#start + 9);
    if (typeof payloadBytes === "bigint" || payloadBytes > this.#payloadBytesMax) {
      throw new PayloadTooLargeError(id, payloadBytes, this.#payloadBytesMax);
    }
    const at = this.#start + HEADER_BYTES;
    if (held < HEADER_BYTES + payloadBytes) {
      if (payloadBytes > SHARED_PAYLOAD_BYTES_MAX) this.#startPartial(type, id, payloadBytes);
      return undefined;
    }
    this.#start = at + payloadBytes;
    this.#lastBytes = 0;
    return { type, id, payload: new Uint8Array(this.#chunk.buffer, at, payloadBytes) };
  }

  #startPartial(type: number, id: Uint64, payloadBytes: number): void {
    const place = this.#findPlace?.(type, payloadBytes);
    const bytes = place?.bytes ??
      new Uint8Array(Math.min(payloadBytes, FIRST_ALLOCATION_BYTES_MAX));
    const here = this.#chunk.subarray(this.#start + HEADER_BYTES, this.#end);
    bytes.set(here);
    this.#start = this.#end;
    const filled = here.byteLength;
    this.#partial = { type, id, payloadBytes, bytes, filled, place, isDiscarded: false };
  }

  #spaceOf(partial: PartialPayload): Uint8Array<ArrayBuffer> {
    const { filled, payloadBytes, isDiscarded } = partial;
    if (isDiscarded) return partial.bytes.subarray(0, payloadBytes - filled);
    if (filled === partial.bytes.byteLength) this.#growPartial(partial);
    return partial.bytes.subarray(filled, filled + READ_BYTES_MAX);
  }

  #finishPartial(partial: PartialPayload): Frame | undefined {
    if (partial.filled < partial.payloadBytes) return undefined;
    this.#partial = undefined;
    this.#lastBytes = partial.payloadBytes;
    if (partial.isDiscarded) {
      partial.place?.release();
      return this.next();
    }
    return { type: partial.type, id: partial.id, payload: partial.bytes };
  }

  #growPartial(partial: PartialPayload): void {
    const bytes = Math.min(partial.payloadBytes, 2 * partial.bytes.byteLength);
    // The old memory is freed at once. A copy would leave it to the garbage collector, which may be late.
    partial.bytes = new Uint8Array(partial.bytes.buffer.transfer(bytes));
  }

  /** Starts a new chunk with the rest of the old one. Frames in the old chunk keep it alive. */
  #renewChunk(): void {
    const rest = this.#chunk.subarray(this.#start, this.#end);
    this.#chunk = new Uint8Array(CHUNK_BYTES);
    this.#chunk.set(rest);
    this.#start = 0;
    this.#end = rest.byteLength;
  }
}
