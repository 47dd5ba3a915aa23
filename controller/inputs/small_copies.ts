/** Copies of small inputs. Many share one buffer: a buffer of its own costs each of them most of a microsecond. */

/** A larger input has a buffer of its own. */
const SHARED_BYTES_MAX = 1024;

/** A buffer stays in memory as long as one of its inputs does, so it is not large. */
const BUFFER_BYTES = 8 * 1024;

/** Up to this many bytes are copied one by one in less time than it takes to make an array of them first. */
const LOOPED_BYTES_MAX = 128;

/** Makes copies. */
export class SmallCopies {
  #buffer = new Uint8Array(0);
  #end = 0;

  /** A copy of some of these bytes. */
  of(bytes: Uint8Array, from = 0, byteLength = bytes.byteLength - from): Uint8Array<ArrayBuffer> {
    if (byteLength > SHARED_BYTES_MAX) {
      return new Uint8Array(bytes.subarray(from, from + byteLength));
    }
    if (this.#end + byteLength > this.#buffer.byteLength) {
      this.#buffer = new Uint8Array(BUFFER_BYTES);
      this.#end = 0;
    }
    const start = this.#end;
    this.#end += byteLength;
    if (byteLength > LOOPED_BYTES_MAX) {
      this.#buffer.set(bytes.subarray(from, from + byteLength), start);
    } else this.#copy(bytes, from, byteLength, start);
    return new Uint8Array(this.#buffer.buffer, start, byteLength);
  }

  #copy(bytes: Uint8Array, from: number, count: number, start: number): void {
    const buffer = this.#buffer;
    for (let at = 0; at < count; at++) buffer[start + at] = bytes[from + at] as number;
  }
}
