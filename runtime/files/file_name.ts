/**
 * Names of files as text. On Linux, a name is any bytes but `/` and zero, and need not be UTF-8. A byte that is not
 * part of valid UTF-8 becomes one of the code units U+DC80 to U+DCFF, as in Python (PEP 383). Valid UTF-8 never
 * contains those, so two different names are never the same text. `bytesOfName` gives the bytes back.
 */

import type { Buffer } from "node:buffer";
import { nodeBuffer } from "../late_modules.ts";

/** Byte `b` becomes the code unit `ESCAPE + b`. Only bytes from 0x80 on can be invalid. */
const ESCAPE = 0xdc00;

const LOSSLESS = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const LOSSY = new TextDecoder("utf-8", { ignoreBOM: true });

/** What a decoder puts in the place of bytes that are not UTF-8. */
export const REPLACEMENT = "\ufffd";

/** Whether all bytes of a name are UTF-8. All but very few are. */
export function isUtf8Name(name: string): boolean {
  return name.isWellFormed();
}

/** The text of a name's bytes. */
export function nameOfBytes(bytes: Uint8Array): string {
  try {
    return LOSSLESS.decode(bytes);
  } catch {
    return escaped(bytes);
  }
}

/** The bytes of a name. */
export function bytesOfName(name: string): Buffer<ArrayBuffer> {
  const Buffer = nodeBuffer();
  if (isUtf8Name(name)) return Buffer.from(name);
  // Between escapes, the text is what it says.
  const parts = name.split(/([\udc80-\udcff])/u).map((part) => {
    const unit = part.length === 1 ? part.charCodeAt(0) - ESCAPE : 0;
    return unit >= 0x80 && unit <= 0xff ? Buffer.of(unit) : Buffer.from(part);
  });
  return Buffer.concat(parts);
}

/** A name as the runtimes show it: everything that is not UTF-8 is a replacement character. */
export function lossyName(bytes: Uint8Array): string {
  return LOSSY.decode(bytes);
}

/** A name for people: `caf\xe9.txt`. */
export function shownName(name: string): string {
  if (isUtf8Name(name)) return name;
  return name.replace(/[\udc80-\udcff]/gu, (unit) => `\\x${byteOf(unit).toString(16)}`);
}

function byteOf(unit: string): number {
  return unit.charCodeAt(0) - ESCAPE;
}

function escaped(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const length = characterAt(bytes, at);
    const byte = bytes[at] as number;
    text += length > 0
      ? LOSSLESS.decode(bytes.subarray(at, at + length))
      : String.fromCharCode(ESCAPE + byte);
    at += Math.max(1, length);
  }
  return text;
}

/** The length of the valid UTF-8 character at `at`; 0 if there is none. */
function characterAt(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  const length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (length < 2) return length;
  if (at + length > bytes.length) return 0;
  try {
    LOSSLESS.decode(bytes.subarray(at, at + length));
    return length;
  } catch {
    return 0; // also for surrogates that are written as UTF-8
  }
}
