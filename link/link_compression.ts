/** The compression of one link, which is off at first, in each direction. */

import {
  CompressedDecoder,
  type Decompressed,
  FrameDecoder,
  type FrameSource,
  type FrameWriter,
} from "../protocol/mod.ts";
import { zstdDecompress } from "../runtime/zstd.ts";
import { ArrivalRate } from "./arrival_rate.ts";
import { CompressedWrites, type Compressor } from "./compressed_writes.ts";
import type { LinkOptions } from "./link_options.ts";
import { Turns } from "./turns.ts";

const NOTHING: Decompressed = { wireBytes: 0, bytes: 0 };

/** What the compression of a link works with. */
export interface LinkCompressionParts {
  readonly writer: FrameWriter;
  /** Writes bytes to the stream. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** This many bytes have come out of compressed ones. */
  onBytes(bytes: number): void;
}

/** The compression of one link. */
export class LinkCompression {
  readonly #options: LinkOptions;
  readonly #parts: LinkCompressionParts;
  readonly #plain: FrameDecoder;
  #compressed: CompressedDecoder | undefined;
  readonly #writes: CompressedWrites;
  /** How fast bytes arrive. */
  readonly arrivals = new ArrivalRate();
  /** Cuts what arrives into frames. */
  decoder: FrameSource;

  /** The turns of the event loop in which compressed bytes are decompressed. */
  readonly turns: Pick<Turns, "next">;

  constructor(options: LinkOptions, parts: LinkCompressionParts) {
    const { turns = new Turns(options.clock) } = options;
    this.#options = options;
    this.#parts = parts;
    this.#writes = new CompressedWrites(parts.writer, options.clock, parts.write);
    this.turns = turns;
    this.#plain = new FrameDecoder(options);
    this.decoder = this.#plain;
  }

  /** From now on frames may come compressed. To be called while one is handled, or before any has arrived. */
  accept(): void {
    const { payloadBytesMax, limitPayload, findPlace, findPartPlace, findHugePlace } =
      this.#options;
    const places = { payloadBytesMax, limitPayload, findPlace, findPartPlace, findHugePlace };
    const options = { decompress: zstdDecompress, ...places, onBytes: this.#parts.onBytes };
    this.decoder = this.#compressed ??= new CompressedDecoder(this.#plain, options);
  }

  /** Compresses what is sent from now on, or sends it as it is. The peer must accept it. */
  compress(isOn: boolean): void {
    this.#writes.isOn = isOn;
  }

  /** Writes what has gathered in the writer. */
  pump(): Promise<void> {
    return this.#writes.pump();
  }

  /** Bytes that were taken from the writer, and whose writing has not begun. */
  get pendingBytes(): number {
    return this.#writes.pendingBytes;
  }

  /** How much of what is still to be written is blobs that are not in memory here. */
  get sourceBytes(): number {
    return this.#writes.sourceBytes;
  }

  /** What has come compressed. */
  get decompressed(): Decompressed {
    return this.#compressed?.decompressed ?? NOTHING;
  }

  /** What the compressor does to what is sent; `undefined` if it is not used. */
  get compressor(): Compressor | undefined {
    return this.#writes.compressor;
  }
}
