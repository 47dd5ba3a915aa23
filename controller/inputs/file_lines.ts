/** Text files, line by line, as bytes: a line need not be valid in any encoding. */

import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import process from "node:process";
import { JOB_PREFIX_BYTES, PAYLOAD_BYTES_MAX_DEFAULT } from "../../protocol/mod.ts";

/** A longer line could not be sent as a job. */
const LINE_BYTES_MAX = PAYLOAD_BYTES_MAX_DEFAULT - JOB_PREFIX_BYTES;

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** A line's bytes, without its ending (`\n` or `\r\n`). */
export type Line = Uint8Array<ArrayBuffer>;

/**
 * The lines of a file, or of stdin for `-`, in groups as they come: whoever writes to a pipe line by line
 * need not end it to have the first ones read.
 */
export async function* readLines(file: string): AsyncIterable<Line[]> {
  const stream = file === "-" ? process.stdin : createReadStream(file);
  const line = new PartialLine(file);
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    const lines: Line[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      line.add(chunk.subarray(start, end));
      lines.push(line.take());
      start = end + 1;
    }
    line.add(chunk.subarray(start));
    if (lines.length > 0) yield lines;
  }
  if (line.bytes > 0) yield [line.take()];
}

/** A line that may come in pieces. They are put together once, at its end. */
class PartialLine {
  readonly #file: string;
  #pieces: Uint8Array[] = [];
  bytes = 0;

  constructor(file: string) {
    this.#file = file;
  }

  add(piece: Uint8Array): void {
    this.bytes += piece.byteLength;
    if (this.bytes > LINE_BYTES_MAX) {
      throw new RangeError(`A line of "${this.#file}" has over ${LINE_BYTES_MAX} bytes`);
    }
    if (piece.byteLength > 0) this.#pieces.push(piece);
  }

  take(): Line {
    const line = new Uint8Array(this.bytes);
    let at = 0;
    for (const piece of this.#pieces) {
      line.set(piece, at);
      at += piece.byteLength;
    }
    this.#pieces = [];
    this.bytes = 0;
    return line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
  }
}

/** How many lines `readLines` will give; `undefined` for what can be read only once. */
export async function countLines(file: string): Promise<number | undefined> {
  if (file === "-" || !(await stat(file)).isFile()) return undefined;
  let count = 0;
  let last = NEWLINE;
  for await (const chunk of createReadStream(file) as AsyncIterable<Uint8Array>) {
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) count += 1;
    last = chunk.at(-1) ?? last;
  }
  return last === NEWLINE ? count : count + 1;
}
