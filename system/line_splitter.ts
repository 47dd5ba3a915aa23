/**
 * Splits text into lines for the log. Inputs and the journal use `LineCutter`, because their lines are bytes and must
 * not be cut.
 */

/** A longer line is cut: a core may print endlessly without a line feed. */
const LINE_CHARS_MAX = 2000;

/** Takes text in pieces, and passes whole lines to `onLine`. */
export class LineSplitter {
  readonly #onLine: (line: string) => void;
  readonly #decoder = new TextDecoder();
  #rest = "";
  #isCut = false;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(bytes: Uint8Array): void {
    const parts = this.#decoder.decode(bytes, { stream: true }).split("\n");
    for (const [index, part] of parts.entries()) {
      if (index > 0) this.#endLine();
      this.#add(part);
    }
  }

  /** Passes on the last line, even without a line feed. */
  end(): void {
    if (this.#rest !== "" || this.#isCut) this.#endLine();
  }

  #add(text: string): void {
    const room = LINE_CHARS_MAX - this.#rest.length;
    this.#isCut ||= text.length > room;
    this.#rest += text.slice(0, room);
  }

  #endLine(): void {
    this.#onLine(this.#rest.replace(/\r$/, "") + (this.#isCut ? " …" : ""));
    this.#rest = "";
    this.#isCut = false;
  }
}
