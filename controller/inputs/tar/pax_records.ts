/** The records of a pax header: what does not fit into the header of a file. */

import type { Buffer } from "node:buffer";
import { TarHeaderError } from "./tar_header.ts";

const SPACE = 0x20;
const EQUALS = "=".charCodeAt(0);
const NEWLINE = 0x0a;

/** A length has at most this many digits. */
const DIGITS_MAX = 10;

/** The values by their keys, as bytes: `LENGTH KEY=VALUE` and a line feed each. Throws a `TarHeaderError`. */
export function parsePaxRecords(bytes: Buffer): Map<string, Buffer> {
  const records = new Map<string, Buffer>();
  for (let at = 0; at < bytes.byteLength;) {
    if (bytes[at] === 0) break; // some programs fill a header up with zeros
    const space = bytes.indexOf(SPACE, at);
    const digits = space < 0 ? "" : bytes.toString("latin1", at, space);
    const end = at + Number(digits);
    const equals = bytes.indexOf(EQUALS, at);
    const isRecord = /^[0-9]+$/.test(digits) && digits.length <= DIGITS_MAX &&
      end <= bytes.byteLength &&
      equals > space && equals < end && bytes[end - 1] === NEWLINE;
    if (!isRecord) throw new TarHeaderError("the pax header is damaged");
    records.set(bytes.toString("utf8", space + 1, equals), bytes.subarray(equals + 1, end - 1));
    at = end;
  }
  return records;
}

/** The size that a pax header gives a file; `undefined` if it gives none. Throws a `TarHeaderError`. */
export function sizeInPax(records: ReadonlyMap<string, Buffer>): number | undefined {
  const text = records.get("size")?.toString("latin1");
  if (text === undefined) return undefined;
  const bytes = /^[0-9]+$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(bytes)) {
    throw new TarHeaderError("the size of the file is not a number");
  }
  return bytes;
}
