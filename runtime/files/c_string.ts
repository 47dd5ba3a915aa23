/** Strings for the C library, without memory of their own for each. */

import { Buffer } from "node:buffer";
import { bytesOfName } from "./file_name.ts";

/** The longest path of Linux, with the zero behind it. */
const PATH_BYTES_MAX = 4096;

/** Memory for one string at a time. */
export class CStringBuffer {
  readonly #bytes = Buffer.alloc(PATH_BYTES_MAX);

  /** The bytes of a path with a zero behind them. Valid until the next call. */
  set(path: string): Buffer<ArrayBuffer> {
    const bytes = this.#bytes;
    const { length } = path;
    if (length >= PATH_BYTES_MAX) throw tooLong(path);
    for (let at = 0; at < length; at++) {
      const unit = path.charCodeAt(at);
      if (unit === 0 || unit > 0x7f) return this.#setAny(path);
      bytes[at] = unit;
    }
    bytes[length] = 0;
    return bytes;
  }

  #setAny(path: string): Buffer<ArrayBuffer> {
    const name = bytesOfName(path);
    if (name.includes(0)) {
      throw Object.assign(new Error("EINVAL: a path with a zero byte"), { code: "EINVAL" });
    }
    if (name.byteLength >= PATH_BYTES_MAX) throw tooLong(path);
    this.#bytes.set(name);
    this.#bytes[name.byteLength] = 0;
    return this.#bytes;
  }
}

function tooLong(path: string): Error {
  return Object.assign(new Error(`ENAMETOOLONG: ${path}`), { code: "ENAMETOOLONG" });
}
