/** Payloads field by field, for messages that are sent rarely. */

import { MalformedPayloadError } from "./errors.ts";
import { readUint64, type Uint64, writeUint64 } from "./uint64.ts";

const utf8 = new TextEncoder();
const utf8Strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Gathers fields. */
export class PayloadWriter {
  readonly #fields: Uint8Array[] = [];

  uint32(value: number): this {
    const field = new Uint8Array(4);
    new DataView(field.buffer).setUint32(0, value, true);
    return this.#add(field);
  }

  uint64(value: Uint64): this {
    const field = new Uint8Array(8);
    writeUint64(new DataView(field.buffer), 0, value);
    return this.#add(field);
  }

  /** Bytes without a length, given in hexadecimal. */
  hex(digits: string): this {
    const pairs = digits.match(/../g) ?? [];
    return this.#add(Uint8Array.from(pairs, (pair) => parseInt(pair, 16)));
  }

  /** A length, then UTF-8. */
  string(text: string): this {
    const bytes = utf8.encode(text);
    return this.uint64(bytes.byteLength).#add(bytes);
  }

  bytes(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.#fields.reduce((sum, field) => sum + field.byteLength, 0));
    let at = 0;
    for (const field of this.#fields) {
      bytes.set(field, at);
      at += field.byteLength;
    }
    return bytes;
  }

  #add(field: Uint8Array): this {
    this.#fields.push(field);
    return this;
  }
}

/** Reads fields in order. Every method throws a `MalformedPayloadError` where there is no such field. */
export class PayloadReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;
  #at = 0;

  /** `what` the payload is, for errors. */
  constructor(payload: Uint8Array<ArrayBuffer>, what: string) {
    this.#bytes = payload;
    this.#view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    this.#what = what;
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  uint64(): Uint64 {
    return readUint64(this.#view, this.#take(8));
  }

  /** So many bytes, in hexadecimal. */
  hex(bytes: number): string {
    const at = this.#take(bytes);
    return Array.from(
      this.#bytes.subarray(at, at + bytes),
      (byte) => byte.toString(16).padStart(2, "0"),
    ).join("");
  }

  string(): string {
    const at = this.#take(Number(this.uint64()));
    try {
      return utf8Strict.decode(this.#bytes.subarray(at, this.#at));
    } catch (cause) {
      throw new MalformedPayloadError(`A text in ${this.#what} is not valid UTF-8`, { cause });
    }
  }

  /** A count, then so many items of `itemBytes` bytes each. */
  list<T>(itemBytes: number, item: () => T): T[] {
    const count = this.uint32();
    if (count * itemBytes > this.#room) throw this.#tooShort();
    return Array.from({ length: count }, item);
  }

  /** Nothing may follow. */
  end(): void {
    if (this.#room > 0) {
      throw new MalformedPayloadError(
        `The payload of ${this.#what} has ${this.#room} bytes left over`,
      );
    }
  }

  get #room(): number {
    return this.#bytes.byteLength - this.#at;
  }

  #take(bytes: number): number {
    if (bytes > this.#room) throw this.#tooShort();
    this.#at += bytes;
    return this.#at - bytes;
  }

  #tooShort(): MalformedPayloadError {
    return new MalformedPayloadError(
      `The payload has ${this.#bytes.byteLength} bytes, too few for ${this.#what}`,
    );
  }
}
