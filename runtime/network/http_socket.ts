/** A byte stream in the form in which `node:http` takes connections. */

import { Duplex } from "node:stream";
import { toError } from "../error_text.ts";
import type { ByteStream } from "../ports.ts";

/** Bytes of one read: a request has a few hundred. */
const READ_BYTES = 4 * 1024;

/** A connection for `node:http`, which asks for some functions of a socket that are nothing here. */
export class HttpSocket extends Duplex {
  readonly stream: ByteStream;
  /** Whether a request has not been answered yet. */
  isAnswering = false;
  readonly #space = new Uint8Array(READ_BYTES);

  constructor(stream: ByteStream) {
    super({ readableHighWaterMark: READ_BYTES });
    this.stream = stream;
  }

  override _read(): void {
    this.stream.read(this.#space).then(
      (bytes) => this.push(bytes === null ? null : this.#space.slice(0, bytes)),
      (error) => this.destroy(toError(error)),
    );
  }

  override _write(
    chunk: Uint8Array<ArrayBuffer>,
    _encoding: string,
    done: (error?: Error) => void,
  ): void {
    this.stream.write(new Uint8Array(chunk)).then(() => done(), done);
  }

  override _final(done: (error?: Error) => void): void {
    this.stream.endWrites().then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.stream.close();
    done(error);
  }

  /** The server has time limits of its own. */
  setTimeout(): this {
    return this;
  }

  /** The connection was prepared when it was accepted. */
  setNoDelay(): this {
    return this;
  }

  /** See `setNoDelay`. */
  setKeepAlive(): this {
    return this;
  }

  /** Whoever listens decides whether the process waits for connections. */
  ref(): this {
    return this;
  }

  /** See `ref`. */
  unref(): this {
    return this;
  }
}
