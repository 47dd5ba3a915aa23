/** Reads a journal, whatever has happened to it: damage costs the lines that it is in. */

import { Buffer } from "node:buffer";
import { open } from "node:fs/promises";
import { parseLine, parseTail, type ReadRecord, type RunEvent } from "./journal_record.ts";

/** No record is that long; what is longer is damage, and all but its end is forgotten. */
const LINE_BYTES_MAX = 16 * 1024 * 1024;

const CHUNK_BYTES = 1024 * 1024;

const NEWLINE = 0x0a;

/** Lines that are no records. */
export interface JournalFlaws {
  damaged: number;
  /** Of a version of the program that came after this one. */
  newer: number;
}

/** What a journal's reader hears, in the order of the file. */
export interface JournalEvents {
  /** A record, and where its line begins in the file. */
  onRecord(record: ReadRecord, at: number): void;
  onRun(event: RunEvent): void;
  /** A line that cannot be used. */
  onFlaw(kind: keyof JournalFlaws): void;
}

/** Reads a journal from its beginning to its end. */
export async function readJournal(path: string, events: JournalEvents): Promise<void> {
  const line = new BoundedLine();
  let at = 0;
  for await (const chunk of chunksOf(path)) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      line.add(chunk.subarray(start, end));
      takeLine(line.content, at, events);
      at += line.bytes + 1;
      line.clear();
      start = end + 1;
    }
    line.add(Buffer.from(chunk.subarray(start))); // a copy: the next chunk comes into the same place
  }
  takeLine(line.content, at, events);
}

/** A file's content in pieces, each valid until the next one: no garbage, however large the file is. */
async function* chunksOf(path: string): AsyncIterable<Buffer> {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  const file = await open(path, "r");
  try {
    // A device or a pipe may have no end.
    if (!(await file.stat()).isFile()) throw new Error("it is not a file");
    for (;;) {
      const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, null);
      if (bytesRead === 0) return;
      yield chunk.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/** The record whose line begins there; `undefined` if the file has changed meanwhile. */
export async function readRecordAt(path: string, at: number): Promise<ReadRecord | undefined> {
  let found: ReadRecord | undefined;
  const file = await open(path, "r");
  try {
    const line = new BoundedLine();
    const chunk = Buffer.alloc(64 * 1024);
    while (line.bytes < LINE_BYTES_MAX) {
      const { bytesRead } = await file.read(chunk, 0, chunk.byteLength, at + line.bytes);
      const end = chunk.subarray(0, bytesRead).indexOf(NEWLINE);
      line.add(Buffer.from(chunk.subarray(0, end < 0 ? bytesRead : end)));
      if (end >= 0 || bytesRead === 0) break;
    }
    takeLine(line.content, at, {
      onRecord: (record) => found = record,
      onRun: () => {},
      onFlaw: () => {},
    });
  } finally {
    await file.close();
  }
  return found;
}

function takeLine(line: Buffer, at: number, events: JournalEvents): void {
  if (line.byteLength === 0) return; // an append that began on a new line although it stood on one
  let read = parseLine(line);
  if (read.kind === "damaged") {
    events.onFlaw("damaged");
    read = parseTail(line);
  }
  if (read.kind === "newer") events.onFlaw("newer");
  if (read.kind === "run") events.onRun(read.event);
  if (read.kind === "record") events.onRecord(read.record, at);
}

/** A line that may come in pieces, and may be longer than memory. */
class BoundedLine {
  #pieces: Buffer[] = [];
  /** Also those that are not kept. */
  bytes = 0;

  add(piece: Buffer): void {
    if (piece.byteLength === 0) return;
    this.bytes += piece.byteLength;
    // Of damage only the end can be of use, where the line feed before a good line is what was lost.
    if (this.bytes > LINE_BYTES_MAX) this.#pieces.splice(0, this.#pieces.length - 1);
    this.#pieces.push(piece);
  }

  get content(): Buffer {
    const [first = NOTHING] = this.#pieces;
    return this.#pieces.length > 1 ? Buffer.concat(this.#pieces) : first;
  }

  clear(): void {
    this.#pieces = [];
    this.bytes = 0;
  }
}

const NOTHING = Buffer.alloc(0);
