/**
 * Cuts bytes that arrive in chunks into lines. `node:readline` is no substitute: it decodes text, and these
 * lines may hold any bytes.
 */

import { Buffer } from "node:buffer";

export const NEWLINE = 0x0a;

/** How lines are cut. */
export interface LineCutterOptions {
  /** Gets each line without its line feed, and where it begins. The line is valid only during the call. */
  onLine(line: Buffer, at: number): void;
  /** A longer line that spans chunks is cut: only its last chunks are kept. */
  readonly lineBytesMax: number;
  /** Is called before a line is cut, and may throw. */
  onOverlong?(): void;
  /** Whether the caller writes new bytes into a chunk once it has been pushed. */
  readonly reusesChunks: boolean;
}

/** Takes chunks and gives whole lines. */
export class LineCutter {
  readonly #options: LineCutterOptions;
  /** The beginning of a line whose end has not arrived. It is put together once, at its end. */
  #pieces: Buffer[] = [];
  /** The line's bytes so far, including those that were dropped. */
  #bytes = 0;
  #lineAt = 0;

  constructor(options: LineCutterOptions) {
    this.#options = options;
  }

  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      this.#endLine(chunk.subarray(start, end));
      start = end + 1;
    }
    const rest = chunk.subarray(start);
    this.#add(this.#options.reusesChunks ? Buffer.from(rest) : rest);
  }

  /** Gives the last line too if it has no line feed. */
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
