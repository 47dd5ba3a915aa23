/** A frame where it has arrived: for those that are handled at once, and are so many that an object for each is much. */

import type { Frame } from "./frame.ts";
import { COPIED_PAYLOAD_BYTES_MAX, HEADER_BYTES } from "./limits.ts";
import { NO_PAYLOAD } from "./payload.ts";
import { readUint64, type Uint64 } from "./uint64.ts";

/** A frame in the buffer of a decoder. The decoder has one of these, which is valid until the decoder is used again. */
export class FrameSpan implements Frame {
  type = 0;
  id: Uint64 = 0;
  /** The buffer, and where in it the payload is. */
  bytes: Uint8Array<ArrayBuffer> = NO_PAYLOAD;
  at = 0;
  byteLength = 0;
  /** Somebody keeps a part of it, so that the buffer must not be used again. */
  isKept = false;
  readonly #bytesMax: number;

  /** `payloadBytesMax`: the limit of the decoder. */
  constructor(payloadBytesMax: number) {
    // Whoever passes on a larger one writes it without a copy, which the buffer would not outlast.
    this.#bytesMax = Math.min(COPIED_PAYLOAD_BYTES_MAX, payloadBytesMax);
  }

  /** Where the frame ends in the buffer. */
  get end(): number {
    return this.at + this.byteLength;
  }

  /** A copy of its payload. */
  get payload(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(this.at, this.end);
  }

  /** Its payload from `from` on, where it is, to be kept. */
  keep(from: number): Uint8Array<ArrayBuffer> {
    this.isKept = true;
    return new Uint8Array(
      this.bytes.buffer,
      this.bytes.byteOffset + this.at + from,
      this.byteLength - from,
    );
  }

  /** Finds the frame at `start`. Returns whether there is a small one, which is whole before `end`. */
  find(bytes: Uint8Array<ArrayBuffer>, start: number, end: number): boolean {
    const at = start + HEADER_BYTES;
    if (at > end) return false;
    const byteLength = readUint64(bytes, start + 9);
    if (typeof byteLength === "bigint" || byteLength > this.#bytesMax) return false;
    if (at + byteLength > end) return false;
    this.type = bytes[start] as number;
    this.id = readUint64(bytes, start + 1);
    this.bytes = bytes;
    this.at = at;
    this.byteLength = byteLength;
    this.isKept = false;
    return true;
  }
}
