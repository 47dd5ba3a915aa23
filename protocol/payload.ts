/** Writes and reads payloads field by field, for messages that are rarely sent. */

import { MalformedPayloadError } from "./errors.ts";
import { readUint32, readUint64, type Uint64, writeUint64 } from "./uint64.ts";

const utf8 = new TextEncoder();
const utf8Strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The payload of messages that have none. */
export const NO_PAYLOAD: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/** Writes the fields of a payload. */
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

  /** Bytes without a length, from hexadecimal digits. */
  hex(digits: string): this {
    const pairs = digits.match(/../g) ?? [];
    return this.#add(Uint8Array.from(pairs, (pair) => parseInt(pair, 16)));
  }

  /** A length, then UTF-8. */
  string(text: string): this {
    return this.blob(utf8.encode(text));
  }

  /** A length, then that many bytes. */
  blob(bytes: Uint8Array): this {
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

/** Reads fields in order. Every method throws a `MalformedPayloadError` where the field is missing or wrong. */
export class PayloadReader {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #what: string;
  #at = 0;

  /** `what`: the name of the payload, for errors. */
  constructor(payload: Uint8Array<ArrayBuffer>, what: string) {
    this.#bytes = payload;
    this.#what = what;
  }

  uint32(): number {
    return readUint32(this.#bytes, this.#take(4));
  }

  uint64(): Uint64 {
    return readUint64(this.#bytes, this.#take(8));
  }

  /** One byte, 0 or 1. */
  flag(): boolean {
    const byte = this.#bytes[this.#take(1)] as number;
    if (byte > 1) throw new MalformedPayloadError(`${this.#what} must be 0 or 1, but is ${byte}`);
    return byte === 1;
  }

  /** Bytes without a length, as hexadecimal digits. */
  hex(bytes: number): string {
    const at = this.#take(bytes);
    return Array.from(
      this.#bytes.subarray(at, at + bytes),
      (byte) => byte.toString(16).padStart(2, "0"),
    ).join("");
  }

  string(): string {
    const bytes = this.blob();
    try {
      return utf8Strict.decode(bytes);
    } catch (cause) {
      throw new MalformedPayloadError(`${this.#what} contains text that is not valid UTF-8`, {
        cause,
      });
    }
  }

  /** A length, then that many bytes, which are not copied. */
  blob(): Uint8Array<ArrayBuffer> {
    const at = this.#take(Number(this.uint64()));
    return this.#bytes.subarray(at, this.#at);
  }

  /**
   * A count, then that many items of at least `itemBytes` bytes each. Checks the count before it reads an item: in a
   * payload of 1 GiB there is room for so many that reading them takes minutes and more memory than there is.
   */
  list<T>(itemsMax: number, itemBytes: number, item: () => T): T[] {
    const count = this.uint32();
    if (count > itemsMax) {
      throw new MalformedPayloadError(
        `${this.#what} has a list of ${count} items; at most ${itemsMax} are supported`,
      );
    }
    if (count * itemBytes > this.#room) throw this.#tooShort();
    return Array.from({ length: count }, item);
  }

  /** Whether nothing follows. */
  get isAtEnd(): boolean {
    return this.#room === 0;
  }

  /** Checks that nothing follows. */
  end(): void {
    if (this.#room === 0) return;
    const { byteLength } = this.#bytes;
    throw new MalformedPayloadError(
      `${this.#what} is too long: it needs ${this.#at} of its ${byteLength} bytes`,
    );
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
    const { byteLength } = this.#bytes;
    return new MalformedPayloadError(`${this.#what} is too short: it has ${byteLength} bytes`);
  }
}
