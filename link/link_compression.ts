/** The compression of one link, which is off at first, in each direction. */

import {
  CompressedDecoder,
  type Decompressed,
  type FrameDecoder,
  type FrameSource,
  type FrameWriter,
} from "../protocol/mod.ts";
import type { Clock } from "../runtime/clock.ts";
import { zstdDecompress } from "../runtime/zstd.ts";
import { ArrivalRate } from "./arrival_rate.ts";
import { CompressedWrites, type Compressor } from "./compressed_writes.ts";

const NOTHING: Decompressed = { wireBytes: 0, bytes: 0 };

/** What the compression of a link works with. */
export interface LinkCompressionParts {
  readonly writer: FrameWriter;
  readonly clock: Clock;
  readonly payloadBytesMax?: number;
  /** Writes bytes to the stream. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** So many bytes have come out of compressed ones. */
  onBytes(bytes: number): void;
}

/** The compression of one link. */
export class LinkCompression {
  readonly #parts: LinkCompressionParts;
  readonly #plain: FrameDecoder;
  #compressed: CompressedDecoder | undefined;
  #writes: CompressedWrites | undefined;
  /** How fast bytes arrive. */
  readonly arrivals = new ArrivalRate();
  /** Cuts what arrives into frames. */
  decoder: FrameSource;

  constructor(decoder: FrameDecoder, parts: LinkCompressionParts) {
    this.#parts = parts;
    this.#plain = this.decoder = decoder;
  }

  /** From now on frames may come compressed. To be called while one is handled, or before any has arrived. */
  accept(): void {
    const { payloadBytesMax, onBytes } = this.#parts;
    const options = { decompress: zstdDecompress, payloadBytesMax, onBytes };
    this.decoder = this.#compressed ??= new CompressedDecoder(this.#plain, options);
  }

  /** Compresses what is sent from now on, or sends it as it is. The peer must accept it. */
  compress(isOn: boolean): void {
    if (!isOn && !this.#writes) return;
    const { writer, clock, write } = this.#parts;
    this.#writes ??= new CompressedWrites(writer, clock, write);
    this.#writes.isOn = isOn;
  }

  /** Writes what has gathered in the writer, unless nothing was ever compressed. */
  pump(): Promise<void> | undefined {
    return this.#writes?.pump();
  }

  /** Bytes that were taken from the writer, and that no write has begun with. */
  get pendingBytes(): number {
    return this.#writes?.pendingBytes ?? 0;
  }

  /** What has come compressed. */
  get decompressed(): Decompressed {
    return this.#compressed?.decompressed ?? NOTHING;
  }

  /** What the compressor does to what is sent; `undefined` if it is not used. */
  get compressor(): Compressor | undefined {
    return this.#writes?.compressor;
  }
}
