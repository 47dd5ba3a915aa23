/**
 * Reads lines of text from a stream, and gives back what follows them. `LineCutter` and `LineSplitter` take all lines of
 * what has arrived: here, what is behind a line is the connection of a worker, of which nothing may be taken.
 */

import type { ByteStream } from "../runtime/ports.ts";

/** What a user's shell may print before the lines of ours; more of it is an error. */
const BYTES_MAX = 256 * 1024;

const LINE_FEED = 10;

const PIECE_BYTES = 16 * 1024;

/** The beginning of a stream, as lines. */
export class LineReader {
  readonly #stream: ByteStream;
  readonly #decoder = new TextDecoder();
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #read = 0;

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  /** The next line; `undefined` at the end of the stream, and after too much text. */
  async next(): Promise<string | undefined> {
    for (;;) {
      const at = this.#bytes.indexOf(LINE_FEED);
      if (at >= 0) {
        const line = this.#decoder.decode(this.#bytes.subarray(0, at));
        this.#bytes = this.#bytes.slice(at + 1);
        return line;
      }
      if (this.#read >= BYTES_MAX || !await this.#more()) return undefined;
    }
  }

  async #more(): Promise<boolean> {
    const piece = new Uint8Array(PIECE_BYTES);
    const bytes = await this.#stream.read(piece);
    if (bytes === null) return false;
    this.#read += bytes;
    const all = new Uint8Array(this.#bytes.byteLength + bytes);
    all.set(this.#bytes);
    all.set(piece.subarray(0, bytes), this.#bytes.byteLength);
    this.#bytes = all;
    return true;
  }

  /** The stream behind the lines that were read. `onEnd`: gives the error to end with, if there is one. */
  rest(onEnd: (error: unknown) => Promise<unknown>): ByteStream {
    const stream = this.#stream;
    return {
      peer: stream.peer,
      proof: { kind: "same user" },
      read: async (into) => {
        if (this.#bytes.byteLength > 0) return this.#take(into);
        let ended: unknown;
        try {
          const bytes = await stream.read(into);
          if (bytes !== null) return bytes;
        } catch (error) {
          ended = error;
        }
        const error = await onEnd(ended);
        if (error !== undefined) throw error;
        return null;
      },
      write: (bytes) => stream.write(bytes),
      endWrites: () => stream.endWrites(),
      close: () => stream.close(),
    };
  }

  #take(into: Uint8Array): number {
    const bytes = Math.min(this.#bytes.byteLength, into.byteLength);
    into.set(this.#bytes.subarray(0, bytes));
    this.#bytes = this.#bytes.slice(bytes);
    return bytes;
  }
}
