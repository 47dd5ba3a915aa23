/** Copies of small inputs. Many share one buffer: a buffer of its own costs each of them most of a microsecond. */

/** A larger input has a buffer of its own. */
const SHARED_BYTES_MAX = 1024;

/** A buffer stays in memory as long as one of its inputs does, so it is not large. */
const BUFFER_BYTES = 8 * 1024;

/** Makes copies. */
export class SmallCopies {
  #buffer = new Uint8Array(0);
  #end = 0;

  /** A copy of these bytes. */
  of(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    const { byteLength } = bytes;
    if (byteLength > SHARED_BYTES_MAX) return new Uint8Array(bytes);
    if (this.#end + byteLength > this.#buffer.byteLength) {
      this.#buffer = new Uint8Array(BUFFER_BYTES);
      this.#end = 0;
    }
    const start = this.#end;
    this.#end += byteLength;
    this.#buffer.set(bytes, start);
    return new Uint8Array(this.#buffer.buffer, start, byteLength);
  }
}
