/** Text files, line by line, as bytes: a line need not be valid in any encoding. */

import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import process from "node:process";
import { JOB_PREFIX_BYTES, PAYLOAD_BYTES_MAX_DEFAULT } from "../protocol/mod.ts";

/** A longer line could not be sent as a job. */
const LINE_BYTES_MAX = PAYLOAD_BYTES_MAX_DEFAULT - JOB_PREFIX_BYTES;

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const NOTHING = new Uint8Array(0);

/** The lines of a file, or of stdin for `-`, as bytes and without their endings (`\n` or `\r\n`). */
export async function* readLines(file: string): AsyncIterable<Uint8Array<ArrayBuffer>> {
  const stream = file === "-" ? process.stdin : createReadStream(file);
  let rest: Uint8Array<ArrayBuffer> = NOTHING;
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    const bytes = joined(rest, chunk);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      yield withoutReturn(bytes.slice(start, end));
      start = end + 1;
    }
    rest = bytes.slice(start);
    if (rest.byteLength > LINE_BYTES_MAX) {
      throw new RangeError(`A line of "${file}" has over ${LINE_BYTES_MAX} bytes`);
    }
  }
  if (rest.byteLength > 0) yield withoutReturn(rest);
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

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(first.byteLength + second.byteLength);
  both.set(first);
  both.set(second, first.byteLength);
  return both;
}

function withoutReturn(line: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
}
