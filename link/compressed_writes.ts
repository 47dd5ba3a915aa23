/** Writes the frames of a link, compressed while that is on. */

import {
  type BlobSource,
  COMPRESSED_BYTES_MIN,
  encodeCompressed,
  type FrameWriter,
  HEADER_BYTES,
} from "../protocol/mod.ts";
import type { Clock } from "../runtime/clock.ts";
import { zstdCompress } from "../runtime/zstd.ts";

/** Bytes that are compressed at once, which takes a millisecond. More would compress hardly better. */
const PIECE_BYTES = 256 * 1024;

/** Bytes of a blob that are read at once, where it is sent part by part. */
const PART_BYTES = 1024 * 1024;

/** A piece that does not shrink to this part is sent as it is: to decompress it costs more than is gained. */
const WORTH_PART_MAX = 0.9;

/** How many pieces are sent as they are, without a try, after several in a row that were not worth it. */
const SKIPPED_MAX = 16;

/** How much of the earlier measurements is forgotten with each piece. */
const DECAY = 1 / 16;

/** What the compressor does to the pieces that were compressed last. */
export interface Compressor {
  /** How fast it takes bytes. */
  readonly bytesPerMs: number;
  /** How many times as many bytes it takes as it gives. */
  readonly ratio: number;
}

/**
 * Takes the frames of a link in runs: what has gathered when a run begins is written compressed or plain. Frames that
 * come meanwhile are the next run. No frame is unfinished between two runs, so that a plain one may follow a compressed
 * one, and the other way round.
 */
export class CompressedWrites {
  readonly #writer: FrameWriter;
  readonly #clock: Clock;
  /** Writes bytes to the stream. */
  readonly #write: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>;
  /** The piece of the writer that is being written, and how much of it is. */
  #piece: Uint8Array<ArrayBuffer> | BlobSource | undefined;
  #at = 0;
  #skips = 0;
  #skipsNext = 1;
  #tried = { bytes: 0, zstdBytes: 0, ms: 0 };
  /** Whether what is sent from now on is compressed, if it is worth it. */
  isOn = false;

  constructor(
    writer: FrameWriter,
    clock: Clock,
    write: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>,
  ) {
    this.#writer = writer;
    this.#clock = clock;
    this.#write = write;
  }

  /** Bytes of frames whose writing has not begun, beside those that the writer has. */
  get pendingBytes(): number {
    return this.#piece ? this.#piece.byteLength - this.#at : 0;
  }

  /** How much of these, and of what the writer has, are blobs that are not in memory here. */
  get sourceBytes(): number {
    const isHere = !this.#piece || this.#piece instanceof Uint8Array;
    return this.#writer.sourceBytes + (isHere ? 0 : this.pendingBytes);
  }

  /** What the compressor does; `undefined` before it was tried. */
  get compressor(): Compressor | undefined {
    const { bytes, zstdBytes, ms } = this.#tried;
    return bytes === 0 ? undefined : { bytesPerMs: bytes / ms, ratio: bytes / zstdBytes };
  }

  /** Writes everything that has gathered, and what gathers meanwhile. */
  async pump(): Promise<void> {
    try {
      for (let left = this.#gathered; left > 0; left = this.#gathered) {
        if (this.isOn && left >= COMPRESSED_BYTES_MIN) await this.#writeCompressed(left);
        else await this.#writePlain(left);
      }
    } finally {
      if (this.#piece) this.#release(this.#piece); // a write has failed
    }
  }

  async #writeCompressed(runBytes: number): Promise<void> {
    for (let left = runBytes; left > 0;) {
      const bytes = await this.#gather(Math.min(left, PIECE_BYTES));
      left -= bytes.byteLength;
      await this.#write(this.#encode(bytes));
    }
  }

  async #writePlain(runBytes: number): Promise<void> {
    for (let left = runBytes; left > 0;) {
      const piece = this.#current;
      // What has gathered since goes along, unless it is to be compressed.
      const part = piece instanceof Uint8Array
        ? piece.subarray(this.#at, this.isOn ? this.#at + left : piece.byteLength)
        : await piece.read(this.#at, PART_BYTES);
      this.#at += part.byteLength;
      await this.#write(part);
      this.#releaseIfWritten(piece);
      left = part.byteLength > left ? this.#gathered : left - part.byteLength;
    }
  }

  get #gathered(): number {
    return this.pendingBytes + this.#writer.pendingBytes;
  }

  get #current(): Uint8Array<ArrayBuffer> | BlobSource {
    if (this.#piece) return this.#piece;
    this.#at = 0;
    const piece = this.#writer.take() ?? this.#writer.takeSource();
    return this.#piece = piece as Uint8Array<ArrayBuffer> | BlobSource;
  }

  #releaseIfWritten(piece: Uint8Array<ArrayBuffer> | BlobSource): void {
    if (this.#at === piece.byteLength) this.#release(piece);
  }

  #release(piece: Uint8Array<ArrayBuffer> | BlobSource): void {
    this.#piece = undefined;
    this.#writer.release(piece);
  }

  /** Copies the next `count` bytes, as many as have gathered. */
  async #gather(count: number): Promise<Uint8Array> {
    const gathered = new Uint8Array(count);
    for (let filled = 0; filled < count;) {
      const piece = this.#current;
      const part = piece instanceof Uint8Array
        ? piece.subarray(this.#at, this.#at + count - filled)
        : await piece.read(this.#at, count - filled);
      gathered.set(part, filled);
      filled += part.byteLength;
      this.#at += part.byteLength;
      this.#releaseIfWritten(piece);
    }
    return gathered;
  }

  /** A frame of these bytes: compressed if that is worth it. */
  #encode(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    if (bytes.byteLength < COMPRESSED_BYTES_MIN || this.#skips-- > 0) {
      return encodeCompressed(bytes, undefined);
    }
    const sinceMs = this.#clock.now();
    const zstd = zstdCompress(bytes);
    this.#count(bytes.byteLength, zstd.byteLength + HEADER_BYTES, this.#clock.now() - sinceMs);
    if (zstd.byteLength <= WORTH_PART_MAX * bytes.byteLength) {
      this.#skips = 0;
      this.#skipsNext = 1;
      return encodeCompressed(bytes, zstd);
    }
    this.#skips = this.#skipsNext;
    this.#skipsNext = Math.min(2 * this.#skipsNext, SKIPPED_MAX);
    return encodeCompressed(bytes, undefined);
  }

  #count(bytes: number, zstdBytes: number, ms: number): void {
    const kept = 1 - DECAY;
    this.#tried.bytes = kept * this.#tried.bytes + bytes;
    this.#tried.zstdBytes = kept * this.#tried.zstdBytes + zstdBytes;
    this.#tried.ms = kept * this.#tried.ms + ms;
  }
}
