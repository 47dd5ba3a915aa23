/**
 * Reads plain lines of a journal without making strings and objects: a resumed run may read millions. Lines with
 * anything unusual, such as an escaped character, are left to `parseLine`, which reads every line; the record that it
 * finds is given here, so that all that follows is the same for both.
 */

import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import { parseChecksum } from "./checksum.ts";
import { identityNumber } from "./job_table.ts";
import type { ReadRecord } from "./journal_record.ts";
import { TextHash } from "./text_hash.ts";

const START = Buffer.from('{"v":1,"index":');
const CHECKSUM_START = Buffer.from(',"crc":"');
const CHECKSUM_DIGITS = 8;
const CHECKSUM_END = Buffer.from('"}');
const END_BYTES = CHECKSUM_START.byteLength + CHECKSUM_DIGITS + CHECKSUM_END.byteLength;
/** The beginning of the identities of lines. */
const LINE_START = "line-";
const LINE_IDENTITY = Buffer.from(LINE_START);

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const BRACKET = 0x5b;
const BRACE = 0x7b;
const SLASH = 0x2f;
const D = 0x64;
const F = 0x66;
const DIGIT_0 = 0x30;
/** A number with more digits may not be exact. */
const DIGITS_MAX = 15;

/** The fields that matter. */
const FIELDS = [
  ...["input", "state", "attempt", "bytesOut", "crcOut", "identity", "content", "core"],
  ...["packAt", "packBytes"],
];
const FIELD_NAMES = FIELDS.map((name) => Buffer.from(name));
const FIELDS_BY_LENGTH: number[][] = [];
FIELD_NAMES.forEach(({ length }, field) => (FIELDS_BY_LENGTH[length] ??= []).push(field));
const [INPUT, STATE, ATTEMPT, BYTES_OUT, CRC_OUT, IDENTITY, CONTENT, CORE, PACK_AT, PACK_BYTES] =
  FIELDS.keys();

/** What a resumed run needs of a record: of the line that was scanned last, or of the record that was taken since. */
export class RecordScanner {
  readonly #core: Buffer;
  readonly #coreText: string;
  readonly #hash = new TextHash();
  /** The hash of its input's name. */
  readonly input = new TextHash();
  /** The line, and where that name is in it; or the name itself. */
  #line: Buffer | undefined;
  #inputStart = 0;
  #inputEnd = 0;
  #inputText = "";
  /** The hash of its identity, and its number; 0 if there is none. */
  readonly identityHash = new TextHash();
  identity = 0;
  /** Whether its input is a line: then the number in its name matters, too. */
  isOfLine = false;
  content = 0;
  state: "done" | "failed" = "done";
  attempt = 0;
  bytesOut = 0;
  crcOut = 0;
  isSameCore = false;
  /** Where its entry is in a pack; `packBytes` is 0 if there is none. */
  packAt = 0;
  packBytes = 0;
  /** Which of the fields were there, as bits. */
  #seen = 0;

  /** `core` is the core's SHA-256. */
  constructor(core: string) {
    this.#core = Buffer.from(core);
    this.#coreText = core;
  }

  /** Reads a line. Returns whether it is a plain record with a checksum that is right. */
  scan(line: Buffer): boolean {
    const end = line.byteLength - END_BYTES;
    if (end < START.byteLength || !isAt(line, 0, START)) return false;
    if (!isAt(line, end, CHECKSUM_START) || !isAt(line, line.byteLength - 2, CHECKSUM_END)) {
      return false;
    }
    const checksum = hexAt(line, end + CHECKSUM_START.byteLength);
    if (checksum === undefined || checksum !== crc32(line.subarray(0, end))) return false;
    this.identity =
      this.content =
      this.crcOut =
      this.packAt =
      this.packBytes =
      this.#seen =
        0;
    this.isOfLine = false;
    this.#line = line;
    for (let at = 1; at < end;) {
      const next = this.#field(line, at, end);
      if (next === undefined) return false;
      at = next + 1;
    }
    return this.#has(INPUT) && this.#has(STATE) && this.#has(ATTEMPT) && this.#has(BYTES_OUT) &&
      this.#has(CORE);
  }

  /** Takes a record of a line that is not plain. */
  take(record: ReadRecord): void {
    const { input, identity = "", content, crcOut, core } = record;
    this.#line = undefined;
    this.#inputText = input;
    this.input.setText(input);
    this.isOfLine = identity.startsWith(LINE_START);
    this.identityHash.setText(identity);
    this.identity = record.identity === undefined ? 0 : this.identityHash.number;
    this.content = content === undefined ? 0 : identityNumber(content);
    this.crcOut = crcOut === undefined ? 0 : parseChecksum(crcOut);
    this.isSameCore = core === this.#coreText;
    ({ state: this.state, attempt: this.attempt, bytesOut: this.bytesOut } = record);
    ({ packAt: this.packAt = 0, packBytes: this.packBytes = 0 } = record);
  }

  /** The name of the input, if it is in a folder. A line must not have changed since it was scanned. */
  get folderedInput(): string | undefined {
    const line = this.#line;
    if (!line) return this.#inputText.includes("/") ? this.#inputText : undefined;
    for (let at = this.#inputStart; at < this.#inputEnd; at++) {
      if (line[at] === SLASH) return this.inputName;
    }
    return undefined;
  }

  /** The name of the input. A line must not have changed since it was scanned. */
  get inputName(): string {
    return this.#line?.toString("latin1", this.#inputStart, this.#inputEnd) ?? this.#inputText;
  }

  #has(field: number | undefined): boolean {
    return (this.#seen & (1 << (field as number))) !== 0;
  }

  /** Reads the field at `at`. Returns the place behind its value; `undefined` if it is unusual. */
  #field(line: Buffer, at: number, end: number): number | undefined {
    if (line[at] !== QUOTE) return undefined;
    const keyEnd = stringEnd(line, at + 1, end);
    if (keyEnd === undefined || line[keyEnd + 1] !== COLON) return undefined;
    const start = keyEnd + 2;
    const field = fieldOf(line, at + 1, keyEnd);
    if (line[start] !== QUOTE) {
      const valueEnd = plainEnd(line, start, end);
      if (valueEnd === undefined || !this.#onNumber(field, line, start, valueEnd)) return undefined;
      return valueEnd;
    }
    const valueEnd = stringEnd(line, start + 1, end);
    if (valueEnd === undefined || !this.#onString(field, line, start + 1, valueEnd)) {
      return undefined;
    }
    return valueEnd + 1;
  }

  #onNumber(field: number, line: Buffer, start: number, end: number): boolean {
    if (field < 0) return true;
    const value = wholeNumber(line, start, end);
    if (value === undefined) return false;
    if (field === ATTEMPT) this.attempt = value;
    else if (field === BYTES_OUT) this.bytesOut = value;
    else if (field === PACK_AT) this.packAt = value;
    else if (field === PACK_BYTES) this.packBytes = value;
    else return false;
    this.#seen |= 1 << field;
    return true;
  }

  #onString(field: number, line: Buffer, start: number, end: number): boolean {
    if (field < 0) return true;
    this.#seen |= 1 << field;
    if (field === INPUT) {
      this.input.setAscii(line, start, end);
      this.#inputStart = start;
      this.#inputEnd = end;
    } else if (field === IDENTITY) {
      this.isOfLine = isAt(line, start, LINE_IDENTITY);
      this.identityHash.setAscii(line, start, end);
      this.identity = this.identityHash.number;
    } else if (field === CONTENT) this.content = this.#numberOf(line, start, end);
    else if (field === STATE) return this.#onState(line, start, end);
    else if (field === CRC_OUT) {
      const crc = end - start === CHECKSUM_DIGITS ? hexAt(line, start) : undefined;
      this.crcOut = crc ?? 0;
      return crc !== undefined;
    } else if (field === CORE) {
      this.isSameCore = end - start === this.#core.byteLength && isAt(line, start, this.#core);
    } else return false;
    return true;
  }

  #onState(line: Buffer, start: number, end: number): boolean {
    this.state = line[start] === D ? "done" : "failed";
    return end - start === this.state.length && (line[start] === D || line[start] === F);
  }

  #numberOf(line: Buffer, start: number, end: number): number {
    this.#hash.setAscii(line, start, end);
    return this.#hash.number;
  }
}

/** The place of the quote that ends a string; `undefined` if the string is not plain ASCII. */
function stringEnd(line: Buffer, at: number, end: number): number | undefined {
  for (; at < end; at++) {
    const byte = line[at] as number;
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH || byte >= 0x80) return undefined;
  }
  return undefined;
}

/** The place behind a number or a word; `undefined` if it is a list or an object. */
function plainEnd(line: Buffer, at: number, end: number): number | undefined {
  for (; at < end; at++) {
    const byte = line[at];
    if (byte === COMMA) return at;
    if (byte === BRACKET || byte === BRACE || byte === QUOTE) return undefined;
  }
  return at;
}

function wholeNumber(line: Buffer, start: number, end: number): number | undefined {
  if (end === start || end - start > DIGITS_MAX) return undefined;
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = (line[at] as number) - DIGIT_0;
    if (digit < 0 || digit > 9) return undefined;
    value = 10 * value + digit;
  }
  return value;
}

/** The number that 8 hex digits are. */
function hexAt(line: Buffer, start: number): number | undefined {
  let value = 0;
  for (let at = start; at < start + CHECKSUM_DIGITS; at++) {
    const byte = line[at] as number;
    const digit = byte >= 0x61 ? byte - 0x57 : byte - DIGIT_0;
    if (digit < 0 || digit > 15 || (byte > 0x39 && byte < 0x61)) return undefined;
    value = 16 * value + digit;
  }
  return value;
}

/** The number of the field with this name; -1 if it does not matter. */
function fieldOf(line: Buffer, start: number, end: number): number {
  const fields = FIELDS_BY_LENGTH[end - start];
  if (!fields) return -1;
  for (const field of fields) if (isAt(line, start, FIELD_NAMES[field] as Buffer)) return field;
  return -1;
}

function isAt(line: Buffer, start: number, bytes: Buffer): boolean {
  for (let at = 0; at < bytes.byteLength; at++) if (line[start + at] !== bytes[at]) return false;
  return true;
}
