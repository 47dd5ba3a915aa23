/**
 * Frames of zstd (RFC 8878). A file may have several in a row; `node:zlib` of Deno stops behind the first one, and
 * neither runtime says that the last one is cut off. So the ends of frames are found here: each block says how long
 * it is.
 */

import { Buffer } from "node:buffer";
import { Readable } from "node:stream";
import { createZstdDecompress } from "node:zlib";
import { messageOf } from "../../../runtime/error_text.ts";

/** The first four bytes of a frame. */
export const ZSTD_MAGIC = Buffer.of(0x28, 0xb5, 0x2f, 0xfd);

/** A frame that is skipped when it is read. The lower four bits of its first byte are free. */
const SKIPPABLE_MAGIC = 0x184d2a50;
const SKIPPABLE_MASK = 0xfffffff0;

const MAGIC_BYTES = 4;
const BLOCK_HEADER_BYTES = 3;
const CHECKSUM_BYTES = 4;

/** The window, or the only segment; the dictionary; and the size of the content. */
const HEADER_BYTES_MAX = 13;

/** The sizes of two fields of a header, by the bits that say so. */
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;

/** A size in two bytes is that of a content of at least so many. */
const TWO_BYTES_OFFSET = 256;

/** A block of this type repeats one byte. */
const RLE = 1;

/** What is wrong. A frame that is damaged may seem to end early, so what follows an end need not be stray. */
const STRAY = "it is damaged, or data that is not compressed with zstd follows its end; " +
  "if you do not need that data, leave it out";
const CUT = "it is cut off within a frame of zstd";
const LARGE_WINDOW = "it needs more memory than zstd takes by itself; decompress it: " +
  "zstd -dc --long=31 FILE | distcomp run … --inputs -";

/** What decompressors say of a frame of which one has to remember more than 128 MiB. */
const IS_LARGE_WINDOW = /requires too much memory/;

/** What Deno puts before the words of the library. */
const DENO_PREFIX = "Zstd decompress error: ";

/** The bytes are not zstd, are damaged, or end within a frame. */
export class ZstdError extends Error {
  override name = "ZstdError";
}

/** What a cutter reports. */
export interface FrameEvents {
  /**
   * Some bytes of the current frame, of one block at most. They are valid only during the call. `isData`: it is not one
   * that is skipped.
   */
  onBytes(bytes: Buffer, isData: boolean): void;
  /** The current frame ends. `contentBytes`: the size of its content, if its header says it. */
  onEnd(isData: boolean, contentBytes: number | undefined): void;
}

/** What comes next in a frame. Each part says which one follows. */
type Part = "magic" | "descriptor" | "header" | "block" | "content" | "checksum" | "skippable size";

/** Cuts bytes that arrive in chunks into frames. */
export class FrameCutter {
  readonly #events: FrameEvents;
  #part: Part = "magic";
  /** The bytes of a part that says how long another one is. Of others, only the number counts. */
  readonly #field = Buffer.alloc(HEADER_BYTES_MAX);
  #fieldBytes = 0;
  #missing = MAGIC_BYTES;
  #isData = true;
  #hasChecksum = false;
  /** Bytes of the header, and how many of them say the size of the content. */
  #headerBytes = 0;
  #sizeBytes = 0;
  #contentBytes: number | undefined;
  #isLastBlock = false;
  /** Whether a frame has ended. */
  #hasEnd = false;
  /** The beginning of a frame of which not even the type is known. */
  #held = Buffer.alloc(0);

  constructor(events: FrameEvents) {
    this.#events = events;
  }

  /** Whether the bytes so far end with a whole frame. */
  get isWhole(): boolean {
    return this.#part === "magic" && this.#held.byteLength === 0;
  }

  /** There are no more bytes. Throws a `ZstdError` if they end within a frame. */
  end(): void {
    if (!this.isWhole) {
      throw new ZstdError(this.#hasEnd ? `${CUT}, or a few bytes follow its end` : CUT);
    }
  }

  /** Reads the next bytes. Throws a `ZstdError`. */
  push(bytes: Buffer): void {
    const chunk = this.#held.byteLength > 0 ? Buffer.concat([this.#held, bytes]) : bytes;
    this.#held = Buffer.alloc(0);
    let start = 0;
    for (let at = 0; at < chunk.byteLength;) {
      const taken = Math.min(this.#missing, chunk.byteLength - at);
      if (this.#part !== "content" && this.#part !== "checksum") {
        chunk.copy(this.#field, this.#fieldBytes, at, at + taken);
        this.#fieldBytes += taken;
      }
      this.#missing -= taken;
      at += taken;
      if (this.#missing > 0) break;
      // A part may be empty: then the next one follows at once.
      while (this.#missing === 0) {
        const isBlock = this.#part === "content";
        const isFrame = this.#next();
        if (!isBlock && !isFrame) continue;
        this.#events.onBytes(chunk.subarray(start, at), this.#isData);
        if (isFrame) this.#events.onEnd(this.#isData, this.#contentBytes);
        start = at;
      }
    }
    const rest = chunk.subarray(start);
    if (this.#part !== "magic") {
      if (rest.byteLength > 0) this.#events.onBytes(rest, this.#isData);
    } else {
      this.#held = Buffer.from(rest);
      this.#fieldBytes = 0;
      this.#expect("magic", MAGIC_BYTES);
    }
  }

  /** A part is complete. Returns whether the frame is, too. */
  #next(): boolean {
    const field = this.#field;
    this.#fieldBytes = 0;
    switch (this.#part) {
      case "magic":
        this.#isData = field.subarray(0, MAGIC_BYTES).equals(ZSTD_MAGIC);
        if (this.#isData) return this.#expect("descriptor", 1);
        if ((field.readUInt32LE() & SKIPPABLE_MASK) >>> 0 !== SKIPPABLE_MAGIC) {
          throw new ZstdError(this.#hasEnd ? STRAY : "it is damaged, or not compressed with zstd");
        }
        return this.#expect("skippable size", 4);
      case "descriptor": {
        const descriptor = field[0] as number;
        const isSingle = (descriptor & 0x20) !== 0;
        this.#hasChecksum = (descriptor & 0x04) !== 0;
        const sizeBytes = CONTENT_SIZE_BYTES[descriptor >>> 6] as number;
        this.#sizeBytes = isSingle ? Math.max(1, sizeBytes) : sizeBytes;
        this.#headerBytes = (isSingle ? 0 : 1) + this.#sizeBytes +
          (DICTIONARY_ID_BYTES[descriptor & 3] as number);
        return this.#expect("header", this.#headerBytes);
      }
      case "header":
        this.#contentBytes = contentSizeIn(
          field.subarray(this.#headerBytes - this.#sizeBytes, this.#headerBytes),
        );
        return this.#expect("block", BLOCK_HEADER_BYTES);
      case "block": {
        const header = field.readUIntLE(0, BLOCK_HEADER_BYTES);
        this.#isLastBlock = (header & 1) !== 0;
        return this.#expect("content", ((header >>> 1) & 3) === RLE ? 1 : header >>> 3);
      }
      case "skippable size":
        this.#isLastBlock = true;
        this.#hasChecksum = false;
        this.#contentBytes = 0;
        return this.#expect("content", field.readUInt32LE());
      case "content":
        if (!this.#isLastBlock) return this.#expect("block", BLOCK_HEADER_BYTES);
        if (this.#hasChecksum) return this.#expect("checksum", CHECKSUM_BYTES);
        break;
      case "checksum":
        break;
    }
    this.#hasEnd = true;
    this.#expect("magic", MAGIC_BYTES);
    return true;
  }

  #expect(part: Part, bytes: number): false {
    this.#part = part;
    this.#missing = bytes;
    return false;
  }
}

/** The size of a content, as the last field of a header says it; `undefined` if there is no such field. */
function contentSizeIn(field: Buffer): number | undefined {
  switch (field.byteLength) {
    case 0:
      return undefined;
    case 2:
      return field.readUInt16LE() + TWO_BYTES_OFFSET;
    case 8:
      return Number(field.readBigUInt64LE());
    default:
      return field.readUIntLE(0, field.byteLength);
  }
}

/**
 * The content of all frames, in chunks. Rejects with a `ZstdError` if one is damaged or cut off. Each block is given to the
 * decompressor by itself: that of Deno ends the process if it finds an error behind the first 16 KiB that it unpacks of
 * what it was given.
 */
export async function* unzstd(chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  for await (const frame of framesIn(chunks)) {
    const decompressor = createZstdDecompress();
    const source = Readable.from(frame);
    let failure: unknown;
    source.on("error", (error) => decompressor.destroy(failure = error));
    try {
      yield* source.pipe(decompressor) as AsyncIterable<Buffer>;
    } catch (error) {
      throw error === failure ? error : frameError(error);
    }
  }
}

function frameError(cause: unknown): ZstdError {
  const words = messageOf(cause).replace(DENO_PREFIX, "");
  const message = IS_LARGE_WINDOW.test(words) ? LARGE_WINDOW : `it is damaged (${words})`;
  return new ZstdError(message, { cause });
}

/** The frames with data, each as its bytes in chunks. One has to be read to its end before the next one. */
async function* framesIn(chunks: AsyncIterable<Buffer>): AsyncIterable<AsyncIterable<Buffer>> {
  /** Pieces in order; `undefined` ends a frame. */
  const queue: (Buffer | undefined)[] = [];
  const cutter = new FrameCutter({
    onBytes: (bytes, isData) => {
      if (isData) queue.push(Buffer.from(bytes));
    },
    onEnd: (isData) => {
      if (isData) queue.push(undefined);
    },
  });
  const source = chunks[Symbol.asyncIterator]();
  let hasEnded = false;
  const fill = async () => {
    while (queue.length === 0 && !hasEnded) {
      const { value, done } = await source.next();
      hasEnded = done === true;
      if (done) cutter.end();
      else cutter.push(value);
    }
  };
  async function* frame(): AsyncIterable<Buffer> {
    for (;;) {
      await fill();
      const piece = queue.shift();
      if (piece === undefined) return;
      yield piece;
    }
  }
  for (await fill(); queue.length > 0; await fill()) yield frame();
}
