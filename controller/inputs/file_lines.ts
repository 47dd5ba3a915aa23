/** Reads text files line by line, as bytes: a line need not be valid in any encoding. */

import type { Buffer } from "node:buffer";
import { createReadStream, openSync, type ReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { JOB_PREFIX_BYTES, PAYLOAD_BYTES_MAX_DEFAULT } from "../../protocol/mod.ts";
import { reasonOf } from "../../runtime/error_text.ts";
import { isUtf8Name } from "../../runtime/files/file_name.ts";
import { nativePath } from "../../runtime/files/native_path.ts";
import { LineCutter, NEWLINE } from "../../system/line_cutter.ts";
import { sizeText } from "../../system/size_text.ts";
import { openStdin } from "../../system/stdin.ts";
import { SmallCopies } from "./small_copies.ts";
import { SourceError } from "./source.ts";
import { uncompressed } from "./uncompressed_text.ts";

/** The longest line that can be sent as a job. */
const LINE_BYTES_MAX = PAYLOAD_BYTES_MAX_DEFAULT - JOB_PREFIX_BYTES;

const CARRIAGE_RETURN = 0x0d;

/** The byte order mark of UTF-8, which programs on Windows write in front of a text. */
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf] as const;

/** What ends a line: a line feed, or a zero byte as from `find -print0`. */
export type Ending = "lines" | "zeros";

/** A line's bytes, without its ending (`\n` or `\r\n`), and without a byte order mark in front of the first one. */
export type Line = Uint8Array<ArrayBuffer>;

/**
 * The lines of a file, or of stdin for `-`, in groups as they arrive: the first lines of a pipe become jobs
 * before the writer closes it.
 */
export async function* readLines(file: string, ending: Ending = "lines"): AsyncIterable<Line[]> {
  const isText = ending === "lines";
  const copies = new SmallCopies();
  let isFirst = true;
  const onLine = (line: Buffer) => {
    const text = isText ? withoutReturn(isFirst ? withoutMark(line) : line) : line;
    lines.push(copied(text, copies));
    isFirst = false;
  };
  let lines: Line[] = [];
  const cutter = new LineCutter({
    onLine,
    endByte: isText ? NEWLINE : 0,
    lineBytesMax: LINE_BYTES_MAX,
    onOverlong: () => {
      throw new RangeError(
        `Cannot read a line of ${shownFile(file)}: it is longer than ${
          sizeText(LINE_BYTES_MAX)
        }, the limit for an input`,
      );
    },
    reusesChunks: false,
  });
  for await (const chunk of chunksOf(file)) {
    cutter.push(chunk);
    if (lines.length > 0) yield lines;
    lines = [];
  }
  cutter.end();
  if (lines.length > 0) yield lines;
}

/** The content of a file, or of stdin for `-`. Rejects with a `SourceError` that names it. */
async function* chunksOf(file: string): AsyncIterable<Buffer> {
  try {
    yield* uncompressed(file === "-" ? openStdin() : openStream(file), file);
  } catch (cause) {
    throw readError(file, cause);
  }
}

function readError(file: string, cause: unknown): SourceError {
  return new SourceError(`Cannot read lines from ${shownFile(file)}: ${reasonOf(cause)}`, {
    cause,
  });
}

function shownFile(file: string): string {
  return file === "-" ? "stdin" : `"${file}"`;
}

/** Copies a line, which would otherwise keep its whole chunk in memory, unless it is most of that. */
function copied(line: Buffer, copies: SmallCopies): Line {
  const isMostOfIt = 2 * line.byteLength > line.buffer.byteLength;
  return isMostOfIt ? line as Line : copies.of(line);
}

function withoutMark(line: Buffer): Buffer {
  const hasMark = BYTE_ORDER_MARK.every((byte, place) => line[place] === byte);
  return hasMark ? line.subarray(BYTE_ORDER_MARK.length) : line;
}

function withoutReturn(line: Buffer): Buffer {
  return line[line.byteLength - 1] === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
}

/** The size of a file; `undefined` for a pipe, which can be read only once. */
export async function bytesIn(file: string): Promise<number | undefined> {
  if (file === "-") return undefined;
  const info = await stat(nativePath(file)).catch((cause) => {
    throw readError(file, cause);
  });
  return info.isFile() ? info.size : undefined;
}

/** How many lines `readLines` will give; `undefined` for a pipe, which can be read only once. */
export async function countLines(file: string): Promise<number | undefined> {
  if (await bytesIn(file) === undefined) return undefined;
  let count = 0;
  let last = NEWLINE;
  for await (const chunk of chunksOf(file)) {
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) count += 1;
    last = chunk.at(-1) ?? last;
  }
  return last === NEWLINE ? count : count + 1;
}

/** The content of a file in chunks. A stream of Bun takes no bytes as a path. */
export function openStream(file: string): ReadStream {
  if (isUtf8Name(file)) return createReadStream(file);
  return createReadStream("", { fd: openSync(nativePath(file), "r") });
}
