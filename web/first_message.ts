/** The first message of a connection: the head of a request, or the first record of TLS. Pure but for the reading. */

import type { ByteStream } from "../runtime/ports.ts";

/** Whether there is enough of a first message to serve it. `from`: what is before was not enough. */
export type HasFirstMessage = (bytes: Uint8Array, from: number) => boolean;

/**
 * What is read of a first message. A larger one is for whoever serves it to refuse: no request and no record is larger.
 */
const BYTES_MAX = 16 * 1024 + 64;

/** Most requests are smaller. */
const BYTES_FIRST = 1024;

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** The header of a TLS record: its type, two bytes of a version, two of the length of what follows. */
const RECORD_HEADER_BYTES = 5;
const HANDSHAKE = 0x16;

/** Reads the first message and maybe more; `null` if the connection ends before. Rejects if it breaks. */
export async function readFirstMessage(
  stream: ByteStream,
  isEnough: HasFirstMessage,
): Promise<Uint8Array<ArrayBuffer> | null> {
  let bytes = new Uint8Array(BYTES_FIRST);
  for (let filled = 0;;) {
    const read = await stream.read(bytes.subarray(filled));
    if (read === null) return null;
    const isComplete = isEnough(bytes.subarray(0, filled + read), filled);
    filled += read;
    if (isComplete || filled === BYTES_MAX) return bytes.subarray(0, filled);
    if (filled === bytes.byteLength) bytes = enlarged(bytes);
  }
}

/** Whether there is the whole head of a request, or what is none: it is answered at once. */
export function hasRequestHead(bytes: Uint8Array, from: number): boolean {
  return !isCapital(bytes[0]) || hasEmptyLine(bytes, from);
}

/** Whether there is the whole first record of a handshake, or what is none. */
export function hasFirstRecord(bytes: Uint8Array): boolean {
  if (bytes[0] !== HANDSHAKE) return true;
  const [, , , high = 0, low = 0] = bytes;
  return bytes.byteLength >= RECORD_HEADER_BYTES &&
    bytes.byteLength >= RECORD_HEADER_BYTES + 256 * high + low;
}

/** Methods are capital letters. */
function isCapital(byte = 0): boolean {
  return byte >= 0x41 && byte <= 0x5a;
}

/** An empty line ends a head. Only what is new is searched, so that many small pieces cost no more than a large one. */
function hasEmptyLine(bytes: Uint8Array, from: number): boolean {
  for (let at = bytes.indexOf(NEWLINE, from); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) {
    const before = bytes[at - 1] === RETURN ? at - 2 : at - 1;
    if (bytes[before] === NEWLINE) return true;
  }
  return false;
}

function enlarged(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.min(4 * bytes.byteLength, BYTES_MAX));
  larger.set(bytes);
  return larger;
}
