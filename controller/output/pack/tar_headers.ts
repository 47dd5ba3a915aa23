/**
 * Writes what stands before a file in a tar: a ustar header (POSIX.1-2001), and a pax extended header in front of it
 * where the name or the size does not fit. Names are written as their bytes, whatever they are.
 */

import { Buffer } from "node:buffer";
import { bytesOfName } from "../../../runtime/files/file_name.ts";

/** A tar consists of blocks. Headers take one, and contents are filled up with zeros. */
export const TAR_BLOCK_BYTES = 512;

/** What ends a tar: two blocks of zeros. */
export const TAR_END_BYTES = 2 * TAR_BLOCK_BYTES;

/** A longer name goes into a pax header. */
const NAME_BYTES_MAX = 100;

/** Eleven octal digits: 8 GiB. A larger size goes into a pax header. */
const SIZE_MAX = 0o77777777777;

const SIZE_AT = 124;
/** Where a header has the time: behind the name and the size. */
export const TAR_TIME_AT = 136;
const CHECKSUM_AT = 148;
const TYPE_AT = 156;
const MAGIC_AT = 257;
const OCTAL_DIGITS = 11;
const CHECKSUM_DIGITS = 6;

const ZERO = 0x30;
const FILE = "0".charCodeAt(0);
const PAX = "x".charCodeAt(0);

/** All files belong to root, as with `tar --owner=0 --group=0`, and everybody may read them. */
const TEMPLATE = templateOf();
const TEMPLATE_SUM = sumOf(TEMPLATE);

/** The name of a pax header. Programs that do not know pax make a file of it. */
const PAX_NAME = Buffer.from("PaxHeaders/entry");

/** Makes the headers of files. All headers share one buffer: each is valid until the next one. */
export class TarHeaders {
  readonly #header = Buffer.from(TEMPLATE);
  #nameBytes = 0;
  /** The sum of the digits of the time. */
  #timeSum = 0;

  constructor() {
    this.#header.write("000000\0 ", CHECKSUM_AT);
  }

  /** Sets the modification time of the files that follow, in seconds since 1970. */
  setTime(seconds: number): void {
    const time = octal(Math.max(0, seconds), OCTAL_DIGITS);
    this.#header.write(time, TAR_TIME_AT);
    this.#timeSum = sumOf(Buffer.from(time)) - OCTAL_DIGITS * ZERO;
  }

  /** The header of a file, with everything that stands before its content. */
  of(name: string, bytes: number): Buffer {
    const header = this.#header;
    if (bytes <= SIZE_MAX && name.length <= NAME_BYTES_MAX) {
      const nameBytes = this.#setName(name);
      if (nameBytes <= NAME_BYTES_MAX) {
        this.#finish(bytes, FILE);
        return header;
      }
    }
    return this.#withPax(bytesOfName(name), bytes);
  }

  /** Returns how many bytes the name has. More than `NAME_BYTES_MAX` were not written. */
  #setName(name: string): number {
    const header = this.#header;
    const { length } = name;
    let at = 0;
    for (; at < length; at++) {
      const code = name.charCodeAt(at);
      if (code >= 0x80) return this.#setBytes(bytesOfName(name));
      header[at] = code;
    }
    if (length < this.#nameBytes) header.fill(0, length, this.#nameBytes);
    this.#nameBytes = length;
    return length;
  }

  #setBytes(name: Buffer): number {
    this.#header.fill(0, 0, NAME_BYTES_MAX);
    this.#nameBytes = name.copy(this.#header, 0, 0, NAME_BYTES_MAX);
    return name.byteLength;
  }

  #finish(bytes: number, type: number): void {
    const header = this.#header;
    header[TYPE_AT] = type;
    let sum = TEMPLATE_SUM + this.#timeSum + type - FILE;
    for (let at = 0; at < this.#nameBytes; at++) sum += header[at] as number;
    let rest = bytes;
    for (let at = SIZE_AT + OCTAL_DIGITS - 1; at >= SIZE_AT; at--) {
      const digit = rest % 8;
      rest = (rest - digit) / 8;
      header[at] = ZERO + digit;
      sum += digit;
    }
    for (let at = CHECKSUM_AT + CHECKSUM_DIGITS - 1; at >= CHECKSUM_AT; at--) {
      header[at] = ZERO + (sum & 7);
      sum >>>= 3;
    }
  }

  #withPax(name: Buffer, bytes: number): Buffer {
    const records = [
      ...name.byteLength > NAME_BYTES_MAX ? [paxRecord("path", name)] : [],
      ...bytes > SIZE_MAX ? [paxRecord("size", Buffer.from(String(bytes)))] : [],
    ];
    const content = Buffer.concat(records);
    this.#setBytes(PAX_NAME);
    this.#finish(content.byteLength, PAX);
    const pax = Buffer.concat([
      this.#header,
      content,
      Buffer.alloc(paddingOf(content.byteLength)),
    ]);
    this.#setBytes(name);
    this.#finish(bytes > SIZE_MAX ? 0 : bytes, FILE);
    return Buffer.concat([pax, this.#header]);
  }
}

/** How many zeros follow a content of this size. */
export function paddingOf(bytes: number): number {
  return (TAR_BLOCK_BYTES - bytes % TAR_BLOCK_BYTES) % TAR_BLOCK_BYTES;
}

/** A record is `LENGTH KEY=VALUE` and a line feed. Its length counts its own digits. */
function paxRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from("\n")]);
  let length = rest.byteLength;
  while (length !== rest.byteLength + String(length).length) {
    length = rest.byteLength + String(length).length;
  }
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

/** A header without name, size and time, and with spaces for its checksum, which are part of the sum. */
function templateOf(): Buffer {
  const header = Buffer.alloc(TAR_BLOCK_BYTES);
  header.write(`0000644\0${"0000000\0".repeat(2)}`, NAME_BYTES_MAX);
  header.write(`${octal(0, OCTAL_DIGITS)}\0${octal(0, OCTAL_DIGITS)}\0`, SIZE_AT);
  header.write(" ".repeat(TYPE_AT - CHECKSUM_AT), CHECKSUM_AT);
  header.write("0", TYPE_AT);
  header.write("ustar\x0000", MAGIC_AT);
  return header;
}

function sumOf(bytes: Buffer): number {
  return bytes.reduce((sum, byte) => sum + byte, 0);
}

function octal(number: number, digits: number): string {
  return number.toString(8).padStart(digits, "0");
}
