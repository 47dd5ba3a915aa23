/**
 * One line at the bottom of a terminal that is redrawn in place, while other lines scroll above it. It hides
 * no cursor and sets no mode, so a run that is suspended or killed leaves the terminal as it was.
 */

/** Moves to the first column and erases the line. */
const ERASE_LINE = "\r\x1b[K";

/** Moves one row up and erases that line. */
const ERASE_ABOVE = "\x1b[A\x1b[K";

/** The terminal, as far as the line needs one. */
export interface Terminal {
  /** Width of the window, which may change. */
  readonly columns: number;
  write(text: string): void;
}

/** The line. It must be shorter than the window is wide. */
export class StatusLine {
  readonly #terminal: Terminal;
  /** What is shown; empty if nothing is. */
  #line = "";

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Shows `line` in place of the one before. */
  show(line: string): void {
    this.#terminal.write(`${this.#erased()}${line}`);
    this.#line = line;
  }

  /** Writes a line above. */
  writeAbove(text: string): void {
    this.#terminal.write(`${this.#erased()}${text}\n${this.#line}`);
  }

  /** Shows nothing any more. */
  clear(): void {
    if (this.#line === "") return;
    this.#terminal.write(this.#erased());
    this.#line = "";
  }

  /** A window that has become narrower has wrapped the line to several rows. */
  #erased(): string {
    if (this.#line === "") return "";
    const rowsAbove = Math.ceil(this.#line.length / this.#terminal.columns) - 1;
    return ERASE_LINE + ERASE_ABOVE.repeat(rowsAbove);
  }
}
