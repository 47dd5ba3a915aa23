/**
 * Splits bytes that arrive in chunks into lines. `node:readline` cannot be used because it decodes text, and
 * these lines may contain any bytes.
 */

import { Buffer } from "node:buffer";

export const NEWLINE = 0x0a;

/** Options of a `LineCutter`. */
export interface LineCutterOptions {
  /** Gets each line without its line feed, and its offset. The line is valid only during the call. */
  onLine(line: Buffer, at: number): void;
  /** The limit for a line that spans chunks. Of a longer one only the last chunks are kept. */
  readonly lineBytesMax: number;
  /** Called before a line is cut. May throw. */
  onOverlong?(): void;
  /** The byte that ends a line; a line feed if it is missing. */
  readonly endByte?: number;
  /** Whether the caller overwrites a chunk after it has been pushed. */
  readonly reusesChunks: boolean;
}

/** Takes chunks and passes on whole lines. */
export class LineCutter {
  readonly #options: LineCutterOptions;
  /** The pieces of a line whose end has not arrived. They are concatenated once, at the end. */
  #pieces: Buffer[] = [];
  /** The number of the line's bytes so far, including dropped ones. */
  #bytes = 0;
  #lineAt = 0;

  constructor(options: LineCutterOptions) {
    this.#options = options;
  }

  push(chunk: Buffer): void {
    const { endByte = NEWLINE } = this.#options;
    let start = 0;
    for (let end = chunk.indexOf(endByte); end >= 0; end = chunk.indexOf(endByte, start)) {
      this.#endLine(chunk.subarray(start, end));
      start = end + 1;
    }
    const rest = chunk.subarray(start);
    this.#add(this.#options.reusesChunks ? Buffer.from(rest) : rest);
  }

  /** Passes on the last line if it has no line feed. */
  end(): void {
    if (this.#bytes > 0) this.#endLine(NOTHING);
  }

  #endLine(last: Buffer): void {
    const at = this.#lineAt;
    this.#lineAt += this.#bytes + last.byteLength + 1;
    if (this.#bytes === 0) return this.#options.onLine(last, at);
    this.#add(last);
    const line = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#bytes = 0;
    this.#options.onLine(line, at);
  }

  #add(piece: Buffer): void {
    if (piece.byteLength === 0) return;
    this.#bytes += piece.byteLength;
    if (this.#bytes > this.#options.lineBytesMax) {
      this.#options.onOverlong?.();
      this.#pieces = this.#pieces.slice(-1);
    }
    this.#pieces.push(piece);
  }
}

const NOTHING = Buffer.alloc(0);
