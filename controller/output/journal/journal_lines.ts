/** Lines of the journal that are not written yet, as bytes. */

import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import { AsciiWriter } from "./ascii_writer.ts";
import { DoneLines, type DoneRecord } from "./done_line.ts";
import { formatRecord, type JobRecord } from "./journal_record.ts";

const FIRST_BYTES = 16 * 1024;

/** The end of a line, with a checksum of what stands before it. */
const CRC = ',"crc":"00000000"}\n';
const CRC_AT = ',"crc":"'.length;

/** Lines on their way to the journal. */
export class JournalLines {
  readonly #core: string;
  readonly #writer = new AsciiWriter(FIRST_BYTES);
  readonly #done: DoneLines;

  /** `core` is the core's SHA-256. */
  constructor(core: string) {
    this.#core = core;
    this.#done = new DoneLines(this.#writer, Buffer.from(`,"core":"${core}"${CRC}`));
  }

  get bytes(): number {
    return this.#writer.end;
  }

  /** Adds any line, with its line feed. */
  add(line: string): void {
    const bytes = Buffer.from(line);
    this.#done.forget();
    this.#writer.reserve(bytes.byteLength);
    this.#writer.append(bytes);
  }

  /** Adds a record of any kind. */
  addRecord(record: JobRecord): void {
    this.add(formatRecord(record, this.#core));
  }

  /** Adds the record of a job that is done. */
  addDone(record: DoneRecord): void {
    const writer = this.#writer;
    const start = writer.end;
    if (!this.#done.write(record)) return this.addRecord(record);
    const end = writer.end - CRC.length;
    writer.hex(end + CRC_AT, crc32(writer.written(start, end)));
  }

  /** Takes all lines out. */
  take(): Buffer {
    const lines = Buffer.from(this.#writer.written());
    this.#writer.end = 0;
    return lines;
  }
}
