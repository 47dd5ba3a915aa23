/** Bytes that a process prints, cut into lines of bounded length. */

/** A longer line is cut here: it is shown to people, and a core may print without end. */
const LINE_CHARS_MAX = 2000;

/** Takes text in pieces and gives whole lines to `onLine`. */
export class LineSplitter {
  readonly #onLine: (line: string) => void;
  readonly #decoder = new TextDecoder();
  #rest = "";
  #overlong = false;

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

  /** Gives the last line too if the text did not end with a newline. */
  end(): void {
    if (this.#rest !== "" || this.#overlong) this.#endLine();
  }

  #add(text: string): void {
    const room = LINE_CHARS_MAX - this.#rest.length;
    this.#overlong ||= text.length > room;
    this.#rest += text.slice(0, room);
  }

  #endLine(): void {
    this.#onLine(this.#rest.replace(/\r$/, "") + (this.#overlong ? " …" : ""));
    this.#rest = "";
    this.#overlong = false;
  }
}
