/**
 * One line at the bottom of a terminal that is redrawn in place while other lines scroll above it. It does not
 * hide the cursor or set a mode, so the terminal stays usable when the run is suspended or killed.
 */

/** Moves to the first column and erases the line. */
const ERASE_LINE = "\r\x1b[K";

/** Moves one row up and erases that line. */
const ERASE_ABOVE = "\x1b[A\x1b[K";

/** What the line needs of the terminal. */
export interface Terminal {
  /** Width of the window, which may change. */
  readonly columns: number;
  write(text: string): void;
}

/** The status line. It must be shorter than the window is wide. */
export class StatusLine {
  readonly #terminal: Terminal;
  /** The visible text; empty if there is none. */
  #line = "";

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Replaces the visible text with `line`. */
  show(line: string): void {
    this.#terminal.write(`${this.#erased()}${line}`);
    this.#line = line;
  }

  /** Writes a line above the status line. */
  writeAbove(text: string): void {
    this.#terminal.write(`${this.#erased()}${text}\n${this.#line}`);
  }

  /** Erases the status line. */
  clear(): void {
    if (this.#line === "") return;
    this.#terminal.write(this.#erased());
    this.#line = "";
  }

  /** The escape sequences that erase the line: all of its rows, as a narrower window has wrapped it. */
  #erased(): string {
    if (this.#line === "") return "";
    const rowsAbove = Math.ceil(this.#line.length / this.#terminal.columns) - 1;
    return ERASE_LINE + ERASE_ABOVE.repeat(rowsAbove);
  }
}
