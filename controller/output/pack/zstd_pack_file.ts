/**
 * A pack that is packed with zstd: one frame per batch, so that it can be appended to, and cut between two of them.
 * Behind each frame stands one that readers skip. It says where the content of the frame ends, so that the places in
 * the journal need not know of frames.
 */

import { Buffer } from "node:buffer";
import type { OpenFile } from "../../../runtime/files/files.ts";
import type { PackFile } from "./pack_file.ts";
import { frameOf } from "./zstd_packing.ts";
import { FrameCutter, unzstd, ZstdError } from "./zstd_unpacking.ts";

/** The beginning of a note: a frame that is skipped, of 8 bytes. */
const NOTE_START = Buffer.of(0x5d, 0x2a, 0x4d, 0x18, 8, 0, 0, 0);
const NOTE_BYTES = NOTE_START.byteLength + 8;

/** Bytes of a batch in one read. */
const READ_BYTES_MAX = 64 * 1024;

/** Where a batch ends: in the content, and in the file. */
interface BatchEnd {
  readonly bytes: number;
  readonly fileBytes: number;
}

const NOTHING: BatchEnd = { bytes: 0, fileBytes: 0 };

/** A pack of frames. */
export class ZstdPackFile implements PackFile {
  readonly #file: OpenFile;
  /** The ends of all whole batches, until the file is cut. After that only the last one is of use. */
  #ends: readonly BatchEnd[];

  private constructor(file: OpenFile, ends: readonly BatchEnd[], readonly isOther: boolean) {
    this.#file = file;
    this.#ends = ends;
  }

  /** `chunks`: what is in the file. */
  static async open(file: OpenFile, chunks: AsyncIterable<Buffer>): Promise<ZstdPackFile> {
    const { ends, frames, isDamaged } = await batchEndsIn(chunks);
    return new ZstdPackFile(file, ends, ends.length === 0 && (isDamaged || frames > 0));
  }

  get #last(): BatchEnd {
    return this.#ends.at(-1) ?? NOTHING;
  }

  get bytes(): number {
    return this.#last.bytes;
  }

  endBefore(bytes: number): number {
    return this.#endBefore(bytes).bytes;
  }

  /** Unpacks the batch at this place. It must not be called after `cut`. */
  async read(into: Uint8Array<ArrayBuffer>, at: number): Promise<number> {
    const index = this.#ends.findIndex((end) => end.bytes > at);
    if (index < 0) return 0;
    const start = this.#ends[index - 1] ?? NOTHING;
    const { fileBytes } = this.#ends[index] as BatchEnd;
    let [place, filled] = [start.bytes, 0];
    for await (const piece of unzstd(this.#part(start.fileBytes, fileBytes - NOTE_BYTES))) {
      const wanted = piece.subarray(Math.max(0, at - place)).subarray(0, into.byteLength - filled);
      into.set(wanted, filled);
      filled += wanted.byteLength;
      place += piece.byteLength;
      if (filled === into.byteLength) break;
    }
    return filled;
  }

  /** Some bytes of the file, in chunks. */
  async *#part(from: number, to: number): AsyncIterable<Buffer> {
    for (let at = from; at < to;) {
      const chunk = Buffer.alloc(Math.min(READ_BYTES_MAX, to - at));
      const bytes = await this.#file.read(chunk, at);
      if (bytes === 0) return;
      yield chunk.subarray(0, bytes);
      at += bytes;
    }
  }

  async cut(bytes: number): Promise<void> {
    const end = this.#endBefore(bytes);
    await this.#file.truncate(end.fileBytes);
    this.#ends = [end];
  }

  async append(parts: readonly Uint8Array[]): Promise<void> {
    const last = this.#last;
    const bytes = parts.reduce((sum, part) => sum + part.byteLength, last.bytes);
    let { fileBytes } = last;
    try {
      let held: Buffer = Buffer.alloc(0);
      for await (const piece of frameOf(parts)) {
        if (held.byteLength > 0) await this.#file.append(held);
        held = piece;
        fileBytes += piece.byteLength;
      }
      await this.#file.append(Buffer.concat([held, noteOf(bytes)])); // mostly the only write
    } catch (error) {
      await this.#file.truncate(last.fileBytes).catch(() => {}); // the next run does it
      throw error;
    }
    this.#ends = [{ bytes, fileBytes: fileBytes + NOTE_BYTES }];
  }

  datasync(): Promise<void> {
    return this.#file.datasync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #endBefore(bytes: number): BatchEnd {
    return this.#ends.findLast((end) => end.bytes <= bytes) ?? NOTHING;
  }
}

function noteOf(bytes: number): Buffer {
  const note = Buffer.alloc(NOTE_BYTES);
  NOTE_START.copy(note);
  note.writeBigUInt64LE(BigInt(bytes), NOTE_START.byteLength);
  return note;
}

/** What is in a file up to the first damage. */
interface Batches {
  readonly ends: readonly BatchEnd[];
  /** Whole frames that are not notes. */
  readonly frames: number;
  readonly isDamaged: boolean;
}

async function batchEndsIn(chunks: AsyncIterable<Buffer>): Promise<Batches> {
  const ends: BatchEnd[] = [];
  let frames = 0;
  let fileBytes = 0;
  /** Of all frames since the last note. */
  let contentBytes: number | undefined = 0;
  let note = Buffer.alloc(0);
  const cutter = new FrameCutter({
    onBytes: (bytes, isData) => {
      fileBytes += bytes.byteLength;
      if (!isData && note.byteLength < NOTE_BYTES) note = Buffer.concat([note, bytes]);
    },
    onEnd: (isData, frameBytes) => {
      if (isData || !note.subarray(0, NOTE_START.byteLength).equals(NOTE_START)) {
        frames += 1;
        contentBytes = sumOf(contentBytes, frameBytes);
      } else {
        const bytes = Number(note.readBigUInt64LE(NOTE_START.byteLength));
        checkNote(bytes, ends.at(-1)?.bytes ?? 0, contentBytes);
        ends.push({ bytes, fileBytes });
        contentBytes = 0;
      }
      note = Buffer.alloc(0);
    },
  });
  try {
    for await (const chunk of chunks) cutter.push(chunk);
  } catch (error) {
    if (!(error instanceof ZstdError)) throw error;
    return { ends, frames, isDamaged: true }; // what follows is lost
  }
  return { ends, frames, isDamaged: false };
}

/** The sum of two sizes, if both are known. */
function sumOf(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : one + other;
}

/**
 * Each batch adds something: otherwise the file was changed, or a copy of it was appended. Frames of earlier builds do
 * not say how large their content is. Throws a `ZstdError`.
 */
function checkNote(bytes: number, before: number, contentBytes: number | undefined): void {
  const isWrong = contentBytes !== undefined && bytes !== before + contentBytes;
  if (isWrong || bytes <= before || !Number.isSafeInteger(bytes)) {
    throw new ZstdError("a note in it is wrong");
  }
}
