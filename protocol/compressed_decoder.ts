/** Cuts a stream of bytes into frames, some of which come compressed. */

import {
  checkCompressedLength,
  decodeCompressed,
  type Decompress,
  decompressedBytes,
} from "./compressed.ts";
import { MalformedPayloadError } from "./errors.ts";
import { type Frame, MessageType } from "./frame.ts";
import { FrameDecoder } from "./frame_decoder.ts";
import type { FrameSpan } from "./frame_span.ts";
import type { FindHugePlace } from "./huge_place.ts";
import { NO_PAYLOAD } from "./payload.ts";
import type { ArrivingPayload, FindPlace, LimitPayload } from "./payload_place.ts";

/**
 * Before it decompresses more than this, or one frame that has more, `next` gives way to others: a single read may
 * bring gigabytes of zeros.
 */
const TURN_BYTES_MAX = 64 * 1024;

/** What a frame costs beside its bytes, in bytes. */
const FRAME_COST_BYTES = 4 * 1024;

/** What cuts a stream into frames: see `FrameDecoder`. */
export interface FrameSource {
  readonly heldBytes: number;
  readonly allocatedBytes: number;
  readonly arriving: ArrivingPayload | undefined;
  /** See `FrameDecoder`. */
  readonly isLarge: boolean;
  readonly settled: Promise<void> | undefined;
  /** Whether `next` has returned nothing although there may be more, and is to be called again in another turn. */
  readonly hasMore?: boolean;
  space(): Uint8Array<ArrayBuffer>;
  commit(bytes: number): void;
  peek(): FrameSpan | undefined;
  skip(): void;
  next(): Frame | undefined;
  discardArriving(): void;
  close(): void;
}

/** What a decoder has decompressed. */
export interface Decompressed {
  /** Bytes as they came, and what they stood for. */
  readonly wireBytes: number;
  readonly bytes: number;
}

/** How a decoder decompresses. */
export interface CompressedDecoderOptions {
  readonly decompress: Decompress;
  readonly payloadBytesMax?: number | undefined;
  readonly limitPayload?: LimitPayload | undefined;
  readonly findPlace?: FindPlace | undefined;
  readonly findHugePlace?: FindHugePlace | undefined;
  /** This many bytes have come out of compressed ones. */
  onBytes(bytes: number): void;
}

/**
 * Cuts a stream into frames. The bytes that frames of compressed bytes stand for are a stream of frames too, which
 * has the same limits. A plain frame may only follow where no frame of that stream is unfinished.
 */
export class CompressedDecoder implements FrameSource {
  readonly #outer: FrameDecoder;
  readonly #inner: FrameDecoder;
  readonly #options: CompressedDecoderOptions;
  /** Decompressed bytes that the inner decoder does not have yet. */
  #rest: Uint8Array = NO_PAYLOAD;
  /** Compressed bytes that wait for the next turn. */
  #waiting: Frame | undefined;
  /** What was decompressed in this turn. */
  #turnBytes = 0;
  #wireBytes = 0;
  #bytes = 0;

  /** `outer`: the decoder of the stream so far, which goes on with it. */
  constructor(outer: FrameDecoder, options: CompressedDecoderOptions) {
    this.#outer = outer;
    this.#inner = new FrameDecoder(options);
    this.#options = options;
  }

  get heldBytes(): number {
    return this.#outer.heldBytes + this.#inner.heldBytes + this.#waitingBytes;
  }

  get allocatedBytes(): number {
    return this.#outer.allocatedBytes + this.#inner.allocatedBytes + this.#waitingBytes;
  }

  /** The large payload that is arriving, compressed or not. */
  get arriving(): ArrivingPayload | undefined {
    const { arriving } = this.#outer;
    return this.#inner.arriving ??
      (arriving?.type === MessageType.compressed ? undefined : arriving);
  }

  get isLarge(): boolean {
    return this.#outer.isLarge;
  }

  get settled(): Promise<void> | undefined {
    return this.#inner.settled ?? this.#outer.settled;
  }

  /** Gives it up, and its memory. */
  discardArriving(): void {
    if (this.#inner.arriving) this.#inner.discardArriving();
    else if (this.arriving) this.#outer.discardArriving();
  }

  get hasMore(): boolean {
    return this.#waiting !== undefined;
  }

  get #waitingBytes(): number {
    return this.#rest.byteLength + (this.#waiting?.payload.byteLength ?? 0);
  }

  get decompressed(): Decompressed {
    return { wireBytes: this.#wireBytes, bytes: this.#bytes };
  }

  space(): Uint8Array<ArrayBuffer> {
    return this.#outer.space();
  }

  commit(bytes: number): void {
    this.#outer.commit(bytes);
  }

  /** Most streams are not compressed. */
  peek(): FrameSpan | undefined {
    if (this.#waiting || this.#rest.byteLength > 0 || this.#inner.heldBytes > 0) return undefined;
    const span = this.#outer.peek();
    return span?.type === MessageType.compressed ? undefined : span;
  }

  skip(): void {
    this.#outer.skip();
  }

  /** The stream has ended. */
  close(): void {
    this.#inner.close();
    this.#outer.close();
  }

  /** The next complete frame, if there is one in this turn. Throws a `ProtocolError`; then the stream is lost. */
  next(): Frame | undefined {
    if (this.#waiting) {
      this.#turnBytes = 0;
      this.#decompress(this.#waiting);
    }
    for (;;) {
      const inner = this.#nextInner();
      if (inner) return inner;
      const frame = this.#outer.next();
      if (frame?.type !== MessageType.compressed) return this.#plain(frame);
      if (this.#turnBytes + decompressedBytes(frame) > TURN_BYTES_MAX) {
        this.#waiting = frame;
        return undefined;
      }
      this.#decompress(frame);
    }
  }

  /** The next frame of those that came compressed. */
  #nextInner(): Frame | undefined {
    for (;;) {
      const frame = this.#inner.next();
      if (frame?.type === MessageType.compressed) {
        throw new MalformedPayloadError("Compressed bytes contain compressed bytes");
      }
      if (frame || this.#rest.byteLength === 0) return frame;
      const space = this.#inner.space();
      const part = this.#rest.subarray(0, space.byteLength);
      space.set(part);
      this.#inner.commit(part.byteLength);
      this.#rest = this.#rest.subarray(part.byteLength);
    }
  }

  #plain(frame: Frame | undefined): Frame | undefined {
    const { arriving } = this.#outer;
    const isCompressed = arriving?.type === MessageType.compressed;
    if (isCompressed) checkCompressedLength(arriving.payloadBytes);
    const isPlain = frame !== undefined || (arriving !== undefined && !isCompressed);
    if (!isPlain || this.#inner.heldBytes === 0) return frame;
    throw new MalformedPayloadError("A plain frame comes inside a frame of compressed bytes");
  }

  #decompress(frame: Frame): void {
    this.#waiting = undefined;
    this.#rest = decodeCompressed(frame, this.#options.decompress);
    this.#wireBytes += frame.payload.byteLength;
    this.#bytes += this.#rest.byteLength;
    this.#turnBytes += this.#rest.byteLength + FRAME_COST_BYTES;
    this.#options.onBytes(this.#rest.byteLength);
  }
}
