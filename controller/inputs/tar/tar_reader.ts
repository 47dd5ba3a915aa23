/**
 * Reads a tar as it arrives, in chunks of any size. The packages tried make names that are not UTF-8 unreadable, do not
 * say where a tar is cut off, and make a stream and several promises for each file.
 */

import { Buffer } from "node:buffer";
import { nameOfBytes } from "../../../runtime/files/file_name.ts";
import { TAR_BLOCK_BYTES } from "../../output/pack/tar_headers.ts";
import { parsePaxRecords, sizeInPax } from "./pax_records.ts";
import { SmallCopies } from "../small_copies.ts";
import { type ContentMemory, TarError, type TarEvents } from "./tar_events.ts";
import { NO_FILES, SILENT, UNREADABLE, WITHOUT_CONTENT } from "./tar_entry_types.ts";
import { isSparse, isTooLong, reasonOfLongName, shownLongName } from "./tar_refusals.ts";
import {
  longNameIn,
  parseTarHeader,
  type TarBytes,
  tarBytes,
  type TarHeader,
  TarHeaderError,
} from "./tar_header.ts";

/** What stands before a file: a long name, or a pax header. */
const EXTENSION_BYTES_MAX = 1024 * 1024;

/** Of a large content, so much memory is taken before it has arrived: a size may be a lie. */
const UNSEEN_BYTES_MAX = 1024 * 1024;

/** What fills a content up, and the next header. */
const BEHIND_BYTES_MAX = 2 * TAR_BLOCK_BYTES;

/** Bytes of a large content in one read. */
const READ_BYTES_MAX = 1024 * 1024 + BEHIND_BYTES_MAX;

/** Larger contents are read to where they stay. */
const PLACED_BYTES_MIN = 128 * 1024;

const NOTHING = new Uint8Array(0);

/** An entry whose content follows. */
interface Entry {
  readonly name: string;
  readonly bytes: number;
  /** What becomes of the content. */
  readonly use: "file" | "pax" | "name" | "nothing";
  /** Where its header is. */
  readonly at: number;
}

/** Reads one tar, or several in a row (`cat a.tar b.tar`). */
export class TarReader {
  readonly #events: TarEvents;
  readonly #bytesMax: number;
  readonly #memory: ContentMemory | undefined;
  /** How many bytes were pushed before the current chunk. */
  #pushed = 0;
  /** The beginning of a header that is not complete. */
  readonly #block = tarBytes(Buffer.alloc(TAR_BLOCK_BYTES));
  #blockBytes = 0;
  readonly #copies = new SmallCopies();
  /** The entry whose content is being read, and how many of its bytes, and of the zeros behind it, are missing. */
  #entry: Entry | undefined;
  #missing = 0;
  #padding = 0;
  /** What is there of its content, if that came in several chunks. */
  #collected = NOTHING;
  #collectedBytes = 0;
  /** What earlier headers say about the next file. */
  #longName: Buffer | undefined;
  #pax: ReadonlyMap<string, Buffer> | undefined;
  /** Blocks of zeros in a row. Two end a tar; another one may follow. */
  #zeroBlocks = 0;
  #strayAt: number | undefined;

  /** Contents of more than `bytesMax` bytes are skipped. */
  constructor(bytesMax: number, events: TarEvents, memory?: ContentMemory) {
    this.#bytesMax = bytesMax;
    this.#events = events;
    this.#memory = memory;
  }

  /** Where bytes are, behind the end of a tar, that are neither zeros nor another tar. Nothing is read from there on. */
  get strayAt(): number | undefined {
    return this.#strayAt;
  }

  /** Whether files may be missing, as in the tar of a writer that has died. Some programs end one with a single block. */
  get lacksEnd(): boolean {
    return this.#zeroBlocks === 0;
  }

  /** Reads the next bytes. They may change afterwards. Throws a `TarError`. */
  push(chunk: Buffer): void {
    const bytes = tarBytes(chunk);
    let at = 0;
    while (at < chunk.byteLength && this.#strayAt === undefined) {
      const entry = this.#entry;
      at += entry ? this.#readContent(entry, chunk, at) : this.#readBlock(bytes, at);
    }
    this.#pushed += chunk.byteLength;
  }

  /**
   * Where the next bytes had better be read to: the rest of a large content, what fills it up, and the next header.
   * `undefined` if they are read in chunks.
   */
  space(): Uint8Array<ArrayBuffer> | undefined {
    const entry = this.#entry;
    if (entry?.use !== "file" || entry.bytes < PLACED_BYTES_MIN) return undefined;
    if (this.#missing === 0) return undefined; // only what fills it up
    this.#reserve(entry.bytes, this.#collectedBytes + 1);
    const bytes = Math.min(this.#missing + this.#padding + TAR_BLOCK_BYTES, READ_BYTES_MAX);
    return this.#collected.subarray(this.#collectedBytes, this.#collectedBytes + bytes);
  }

  /** Reports that the first `bytes` bytes of `space()` were read. Throws a `TarError`. */
  commit(bytes: number): void {
    const { buffer, byteOffset } = this.#collected;
    const taken = Math.min(bytes, this.#missing);
    const rest = Buffer.from(buffer, byteOffset + this.#collectedBytes + taken, bytes - taken);
    this.#missing -= taken;
    this.#collectedBytes += taken;
    this.#pushed += taken;
    const entry = this.#entry as Entry;
    if (this.#missing === 0) this.#onCollected(entry);
    if (this.#missing === 0 && this.#padding === 0) this.#entry = undefined;
    this.push(rest);
  }

  /** Skips what is left of a content that nobody gets, and what fills it up. Returns how many bytes that are. */
  skip(): number {
    if (this.#entry?.use !== "nothing") return 0;
    const bytes = this.#missing + this.#padding;
    this.#entry = undefined;
    this.#missing = this.#padding = 0;
    this.#pushed += bytes;
    return bytes;
  }

  /** There are no more bytes. Throws a `TarError` if an entry is not complete. */
  end(): void {
    if (this.#entry) {
      const { name, at } = this.#entry;
      throw new TarError(`it ends within "${name}", whose header is at byte ${at}`, this.#pushed);
    }
    if (this.#blockBytes > 0) this.#onPartOfBlock();
    if (this.#pushed === 0) throw new TarError("it is empty", 0);
    if (this.#longName || this.#pax) throw new TarError("it ends before a file", this.#pushed);
  }

  /** Reads a header, or the part of it that is there. Returns how many bytes it took. */
  #readBlock(chunk: TarBytes, at: number): number {
    const { bytes } = chunk;
    const taken = Math.min(TAR_BLOCK_BYTES - this.#blockBytes, bytes.byteLength - at);
    if (taken === TAR_BLOCK_BYTES) {
      this.#onBlock(chunk, at, this.#pushed + at);
      return taken;
    }
    bytes.copy(this.#block.bytes, this.#blockBytes, at, at + taken);
    this.#blockBytes += taken;
    if (this.#blockBytes === TAR_BLOCK_BYTES) {
      this.#blockBytes = 0;
      this.#onBlock(this.#block, 0, this.#pushed + at + taken - TAR_BLOCK_BYTES);
    }
    return taken;
  }

  /** `place`: where the block is in `bytes`; `at`: where it is in the tar. */
  #onBlock(bytes: TarBytes, place: number, at: number): void {
    try {
      const header = this.#headerAt(bytes, place, at);
      if (header) this.#onHeader(header, at);
    } catch (error) {
      throw error instanceof TarHeaderError ? new TarError(error.message, at) : error;
    }
  }

  /** The header of an entry; `undefined` if there is none. */
  #headerAt(bytes: TarBytes, place: number, at: number): TarHeader | undefined {
    try {
      const header = parseTarHeader(bytes, place);
      if (header && this.#isBehindEnd) this.#events.onAnother?.(at);
      this.#zeroBlocks = header ? 0 : this.#zeroBlocks + 1;
      return header;
    } catch (error) {
      if (!(error instanceof TarHeaderError) || !this.#isBehindEnd) throw error;
      this.#strayAt = at;
      return undefined;
    }
  }

  get #isBehindEnd(): boolean {
    return this.#zeroBlocks >= 2;
  }

  /** The last bytes are not a whole block. */
  #onPartOfBlock(): void {
    if (!this.#isBehindEnd) throw new TarError("it ends within a header", this.#pushed);
    const isZero = this.#block.bytes.subarray(0, this.#blockBytes).every((byte) => byte === 0);
    if (!isZero) this.#strayAt = this.#pushed - this.#blockBytes;
  }

  #onHeader(header: TarHeader, at: number): void {
    const { type, bytes } = header;
    if (type === "x" || type === "L") {
      if (bytes > EXTENSION_BYTES_MAX) throw new TarHeaderError("a header is too long");
      return this.#begin({ name: "a header", bytes, use: type === "x" ? "pax" : "name", at });
    }
    // Nothing in a pax header for all files, or in the target of a link, is of use.
    const isAbout = type === "g" || type === "K";
    if (isAbout) return this.#begin({ name: "a header", bytes, use: "nothing", at });
    this.#onEntry(header, at);
  }

  #onEntry(header: TarHeader, at: number): void {
    const pax = this.#pax;
    const longName = pax?.get("path") ?? this.#longName;
    const name = longName ? nameOfBytes(longName) : header.name;
    const bytes = (pax && sizeInPax(pax)) ?? header.bytes;
    this.#pax = this.#longName = undefined;
    if (isSparse(header.type, pax)) {
      throw new TarHeaderError(`"${name}" is stored as a sparse file; pack it without -S`);
    }
    const type = name.endsWith("/") && header.type === "0" ? "5" : header.type; // in the oldest format
    const contentBytes = WITHOUT_CONTENT.includes(type) ? 0 : bytes;
    if (isTooLong(name)) return this.#onLongName(name, type, contentBytes, at);
    const isFile = type === "0" || type === "7";
    if (!isFile && !SILENT.includes(type)) this.#onOther(name, type);
    const isTooLarge = bytes > this.#bytesMax;
    if (isFile && isTooLarge) this.#events.onFile(name, bytes, undefined);
    const use = isFile && !isTooLarge ? "file" : "nothing";
    this.#begin({ name, bytes: contentBytes, use, at });
  }

  #onLongName(name: string, type: string, bytes: number, at: number): void {
    const shown = shownLongName(name, at);
    if (!SILENT.includes(type)) this.#events.onUnreadable(shown, reasonOfLongName(name));
    this.#begin({ name: shown, bytes, use: "nothing", at });
  }

  #onOther(name: string, type: string): void {
    const what = NO_FILES[type];
    if (what !== undefined) return this.#events.onSkipped(name, what);
    this.#events.onUnreadable(name, UNREADABLE[type] ?? `its type "${type}" is not known`);
  }

  /** The content of an entry follows. */
  #begin(entry: Entry): void {
    const { bytes } = entry;
    this.#entry = entry;
    this.#missing = bytes;
    this.#padding = (TAR_BLOCK_BYTES - bytes % TAR_BLOCK_BYTES) % TAR_BLOCK_BYTES;
    if (bytes > 0) return;
    this.#entry = undefined;
    this.#onContent(entry, new Uint8Array(0));
  }

  /** Reads content, and the zeros behind it. Returns how many bytes it took. */
  #readContent(entry: Entry, chunk: Buffer, at: number): number {
    const taken = Math.min(this.#missing, chunk.byteLength - at);
    this.#missing -= taken;
    if (taken === entry.bytes && taken < PLACED_BYTES_MIN && entry.use !== "nothing") {
      this.#onContent(entry, this.#copyOf(entry, chunk, at));
    } else if (taken > 0 && entry.use !== "nothing") {
      this.#take(entry, new Uint8Array(chunk.buffer, chunk.byteOffset + at, taken));
    }
    if (this.#missing > 0) return taken;
    const padding = Math.min(this.#padding, chunk.byteLength - at - taken);
    this.#padding -= padding;
    if (this.#padding === 0) this.#entry = undefined;
    return taken + padding;
  }

  /** A content that the chunk has as a whole. */
  #copyOf({ bytes, use }: Entry, chunk: Buffer, at: number): Uint8Array<ArrayBuffer> {
    const room = use === "file" ? this.#memory?.take(bytes) : undefined;
    if (!room) return this.#copies.of(chunk, at, bytes);
    room.set(chunk.subarray(at, at + bytes));
    return room;
  }

  #take(entry: Entry, part: Uint8Array): void {
    const needed = this.#collectedBytes + part.byteLength;
    this.#reserve(entry.bytes, needed);
    this.#collected.set(part, this.#collectedBytes);
    this.#collectedBytes = needed;
    if (needed === entry.bytes) this.#onCollected(entry);
  }

  /** Makes room for `needed` bytes of a content, in memory that may have more room. */
  #reserve(bytes: number, needed: number): void {
    if (needed <= this.#collected.byteLength) return;
    const larger = Math.max(needed, 2 * this.#collected.byteLength, UNSEEN_BYTES_MAX);
    const behind = bytes < PLACED_BYTES_MIN ? 0 : BEHIND_BYTES_MAX;
    const isFirst = this.#collectedBytes === 0;
    const placed = isFirst ? this.#memory?.take(bytes + behind) : undefined;
    const collected = placed ?? new Uint8Array(Math.min(bytes, larger));
    collected.set(this.#collected.subarray(0, this.#collectedBytes));
    this.#collected = collected;
  }

  #onCollected(entry: Entry): void {
    const content = this.#collected.subarray(0, entry.bytes);
    this.#collected = NOTHING;
    this.#collectedBytes = 0;
    this.#onContent(entry, content);
  }

  #onContent({ name, bytes, use, at }: Entry, content: Uint8Array<ArrayBuffer>): void {
    if (use === "file") return this.#events.onFile(name, bytes, content);
    const text = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
    try {
      if (use === "pax") this.#pax = parsePaxRecords(text);
    } catch (error) {
      throw error instanceof TarHeaderError ? new TarError(error.message, at) : error;
    }
    if (use === "name") this.#longName = longNameIn(text);
  }
}
