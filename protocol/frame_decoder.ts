/** Cuts a stream of bytes into frames. */

import { PayloadTooLargeError } from "./errors.ts";
import type { Frame } from "./frame.ts";
import { FrameSpan } from "./frame_span.ts";
import { HugeArrival } from "./huge_payload.ts";
import type { HugePlace } from "./huge_place.ts";
import type { ArrivingPayload, FrameDecoderOptions, PartialPayload } from "./payload_place.ts";
import { HEADER_BYTES, PAYLOAD_BYTES_MAX_DEFAULT } from "./limits.ts";
import { NO_PAYLOAD } from "./payload.ts";
import {
  CHUNK_BYTES_MAX,
  DISCARDED_BYTES_MAX,
  FIRST_ALLOCATION_BYTES_MAX,
  FIRST_READ_BYTES_MAX,
  FREE_PART_MIN,
  HEAD_BYTES_MAX,
  MOVED_PART_MAX,
  READ_BYTES_MAX,
} from "./read_sizes.ts";
import { readUint64, type Uint64 } from "./uint64.ts";

/** A larger payload gets its own memory, so that it is not copied from chunk to chunk and keeps no chunk alive. */
const SHARED_PAYLOAD_BYTES_MAX = 64 * 1024;

/**
 * The first chunk of a connection: a payload that shares it, and its header. With a thousand connections, a read brings
 * some kilobytes, and larger chunks would only take memory.
 */
const CHUNK_BYTES_MIN = SHARED_PAYLOAD_BYTES_MAX + 4 * 1024;

/** The largest payload that shares a chunk although it may have a place, where a slot gets it without a copy. */
const UNPLACED_PAYLOAD_BYTES_MAX = 32 * 1024;

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
  /** A larger payload that is not whole gets memory of its own. */
  readonly #sharedBytesMax: number;
  readonly #options: FrameDecoderOptions;
  #chunk = NO_PAYLOAD;
  /** The size of the next chunk. */
  #chunkBytes = CHUNK_BYTES_MIN;
  #start = 0;
  #end = 0;
  /** Whether a frame that was returned has its payload in the chunk. */
  #isChunkKept = false;
  #partial: PartialPayload | undefined;
  /** A payload over the limit that is arriving. */
  #huge: HugeArrival | undefined;
  /** What `space` gave last. */
  #space = NO_PAYLOAD;
  /**
   * Whether the next payload will probably have memory of its own, as the last one had: then a read brings little more
   * than its header. Where reads are limited, the first payload is taken for such a one.
   */
  #expectsOwnMemory: boolean;
  /** Whether reads may be long: where they are limited, any frame must have had one. */
  #mayReadMuch: boolean;
  readonly #largeReadBytesMax: () => number;
  readonly #span: FrameSpan;

  constructor(options: FrameDecoderOptions = {}) {
    const areReadsLimited = options.largeReadBytesMax !== undefined;
    this.#expectsOwnMemory = areReadsLimited;
    this.#mayReadMuch = !areReadsLimited;
    this.#largeReadBytesMax = options.largeReadBytesMax ?? (() => READ_BYTES_MAX);
    this.#payloadBytesMax = options.payloadBytesMax ?? PAYLOAD_BYTES_MAX_DEFAULT;
    this.#span = new FrameSpan(this.#payloadBytesMax);
    this.#sharedBytesMax = options.findPlace
      ? UNPLACED_PAYLOAD_BYTES_MAX
      : SHARED_PAYLOAD_BYTES_MAX;
    this.#options = options;
  }

  /** Bytes of an incomplete frame. If there are any at the end of the stream, the stream was cut off. */
  get heldBytes(): number {
    const inChunk = this.#end - this.#start;
    const partial = this.#partial ?? this.#huge;
    return partial ? HEADER_BYTES + partial.filled + inChunk : inChunk;
  }

  /** Whether what is read next belongs to a payload with memory of its own. */
  get isLarge(): boolean {
    return this.#partial !== undefined || this.#huge !== undefined;
  }

  /** Nothing more may be read until it resolves. */
  get settled(): Promise<void> | undefined {
    return this.#huge?.settled;
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
    if (this.#partial) return this.#space = this.#spaceOf(this.#partial);
    const bytesMax = Math.min(READ_BYTES_MAX, this.#largeReadBytesMax());
    return this.#space = this.#huge?.space(bytesMax) ?? this.#spaceInChunk();
  }

  #spaceInChunk(): Uint8Array<ArrayBuffer> {
    this.#makeRoom(this.#chunkBytes * FREE_PART_MIN);
    const bytesMax = this.#expectsOwnMemory ? HEAD_BYTES_MAX : CHUNK_BYTES_MAX;
    return this.#chunk.subarray(this.#end, this.#end + bytesMax);
  }

  /** The stream has ended, and nothing is being read into `space()` any more. */
  close(): void {
    const { place, payloadBytes, bytes } = this.#partial ?? {};
    place?.withHeader?.fill(0, payloadBytes); // a read that was never committed may have brought a header
    if (place) place.release();
    else bytes?.buffer.transfer(0); // the garbage collector may be late
    this.#partial = undefined;
    this.#huge?.release();
    this.#huge = undefined;
  }

  /** Reports that the first `bytes` bytes of `space()` were filled. */
  commit(bytes: number): void {
    if (this.#huge) return this.#huge.commit(bytes);
    const partial = this.#partial;
    if (!partial) {
      this.#end += bytes;
      const hasFilled = bytes === this.#space.byteLength && bytes >= this.#chunkBytes / 2;
      if (hasFilled) this.#growChunks();
      return;
    }
    const ownBytes = Math.min(bytes, partial.payloadBytes - partial.filled);
    partial.filled += ownBytes;
    if (bytes > ownBytes) this.#moveToChunk(this.#space.subarray(ownBytes, bytes));
  }

  /** Moves the beginning of the next frame from behind a payload. */
  #moveToChunk(head: Uint8Array): void {
    this.#makeRoom(head.byteLength);
    this.#chunk.set(head, this.#end);
    this.#end += head.byteLength;
    head.fill(0);
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

  /** The next frame, if it has come and is small. After that, `skip` drops it, or `next` gives it as a `Frame`. */
  peek(): FrameSpan | undefined {
    if (this.isLarge) return undefined;
    return this.#span.find(this.#chunk, this.#start, this.#end) ? this.#span : undefined;
  }

  /** The frame that `peek` has given is handled. */
  skip(): void {
    this.#start = this.#span.end;
    if (this.#span.isKept) this.#isChunkKept = true;
    this.#expectsOwnMemory = false;
  }

  /** The next complete frame, if there is one. After a `PayloadTooLargeError`, every later call throws it again. */
  next(): Frame | undefined {
    if (this.#partial) return this.#finishPartial(this.#partial);
    if (this.#huge) return this.#finishHuge(this.#huge);
    const held = this.#end - this.#start;
    if (held < HEADER_BYTES) return undefined;

    const type = this.#chunk[this.#start] as number;
    const id = readUint64(this.#chunk, this.#start + 1);
    const payloadBytes = readUint64(this.#chunk, this.#start + 9);
    if (typeof payloadBytes === "bigint" || payloadBytes > this.#payloadBytesMax) {
      return this.#startHuge(type, id, payloadBytes);
    }
    const at = this.#start + HEADER_BYTES;
    if (held < HEADER_BYTES + payloadBytes) {
      if (payloadBytes <= this.#sharedBytesMax) return undefined;
      return this.#startLarge(type, id, payloadBytes);
    }
    this.#start = at + payloadBytes;
    this.#expectsOwnMemory = false;
    if (payloadBytes === 0) return { type, id, payload: NO_PAYLOAD };
    this.#isChunkKept = true;
    return { type, id, payload: new Uint8Array(this.#chunk.buffer, at, payloadBytes) };
  }

  #startHuge(type: number, id: Uint64, payloadBytes: Uint64): Frame | undefined {
    const place = typeof payloadBytes === "number"
      ? this.#options.findHugePlace?.(type, id, payloadBytes)
      : undefined;
    if (!place) throw new PayloadTooLargeError(id, payloadBytes, this.#payloadBytesMax);
    return this.#startParts(type, id, payloadBytes as number, place);
  }

  #startParts(type: number, id: Uint64, payloadBytes: number, place: HugePlace): Frame | undefined {
    this.#huge = new HugeArrival(type, id, payloadBytes, place);
    const at = this.#start + HEADER_BYTES;
    this.#start = Math.min(this.#end, at + payloadBytes);
    this.#huge.feed(this.#chunk.subarray(at, this.#start));
    return this.#finishHuge(this.#huge);
  }

  #finishHuge({ frame }: HugeArrival): Frame | undefined {
    if (frame) this.#huge = undefined;
    return frame;
  }

  #startLarge(type: number, id: Uint64, payloadBytes: number): Frame | undefined {
    const bytesMax = this.#options.limitPayload?.(type, id) ?? Infinity;
    if (payloadBytes > bytesMax) throw new PayloadTooLargeError(id, payloadBytes, bytesMax);
    const place = this.#options.findPartPlace?.(type, id, payloadBytes);
    if (place) return this.#startParts(type, id, payloadBytes, place);
    return this.#startPartial(type, id, payloadBytes);
  }

  #startPartial(type: number, id: Uint64, payloadBytes: number): undefined {
    const place = this.#options.findPlace?.(type, payloadBytes);
    const bytes = place ? place.withHeader ?? place.bytes : new Uint8Array(
      Math.min(payloadBytes + HEADER_BYTES, FIRST_ALLOCATION_BYTES_MAX),
    );
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
    const firstMax = this.#mayReadMuch
      ? READ_BYTES_MAX
      : Math.max(FIRST_READ_BYTES_MAX, filled / 8);
    const bytesMax = Math.min(READ_BYTES_MAX, firstMax, this.#largeReadBytesMax());
    return partial.bytes.subarray(filled, filled + bytesMax);
  }

  #finishPartial(partial: PartialPayload): Frame | undefined {
    const { type, id, payloadBytes, bytes, place } = partial;
    if (partial.filled < payloadBytes) return undefined;
    this.#partial = undefined;
    this.#expectsOwnMemory = this.#mayReadMuch = true;
    if (!partial.isDiscarded) {
      return { type, id, payload: place?.bytes ?? bytes.subarray(0, payloadBytes) };
    }
    place?.release();
    return this.next();
  }

  #growPartial(partial: PartialPayload): void {
    const wholeBytes = partial.payloadBytes + HEADER_BYTES;
    const movedBytesMax = Math.ceil(wholeBytes * MOVED_PART_MAX);
    const { byteLength } = partial.bytes;
    const bytes = byteLength < movedBytesMax ? Math.min(2 * byteLength, movedBytesMax) : wholeBytes;
    // The old memory is freed at once. A copy would leave it to the garbage collector, which may be late.
    partial.bytes = new Uint8Array(partial.bytes.buffer.transfer(bytes));
  }

  /** The next chunks are larger: a read has brought as much as there was room for, or frames are large. */
  #growChunks(): void {
    this.#chunkBytes = Math.min(CHUNK_BYTES_MAX, 2 * this.#chunkBytes);
  }

  /** Starts a new chunk with the rest of the old one, if that has no room. Frames in the old chunk keep it alive. */
  #makeRoom(bytes: number): void {
    if (this.#start === this.#end && !this.#isChunkKept) this.#start = this.#end = 0;
    if (this.#chunk.byteLength - this.#end >= bytes) return;
    const rest = this.#chunk.subarray(this.#start, this.#end);
    if (rest.byteLength > this.#chunkBytes * FREE_PART_MIN) this.#growChunks();
    this.#chunk = new Uint8Array(Math.max(this.#chunkBytes, rest.byteLength + bytes));
    this.#chunk.set(rest);
    this.#isChunkKept = false;
    this.#start = 0;
    this.#end = rest.byteLength;
  }
}
