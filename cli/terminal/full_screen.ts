/**
 * A terminal that one program fills, as `less` and `htop` do: on the terminal's second screen, so that the first one is
 * as it was when the program leaves it. Keys come as they are typed.
 */

import process from "node:process";
import type { Suspendable } from "./suspension.ts";

/** The second screen, without a cursor, and without lines that are wrapped. */
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
const LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l";

const HOME = "\x1b[H";
const ERASE_LINE = "\x1b[2K"; // in front of a line: behind a full one it would erase the last column

/** The assumed size of a terminal that reports none. */
const UNKNOWN = { columns: 80, rows: 24 };

/** Whether this process has a terminal to fill. */
export function canFillScreen(): boolean {
  return Boolean(process.stdout.isTTY && process.stdin.isTTY) && process.env.TERM !== "dumb";
}

/** The screen, from `enter` to `leave`. */
export class FullScreen implements Suspendable {
  readonly #onKey: (key: string) => void;
  readonly #onResize: () => void;
  #isShown = false;

  /** `onKey` gets what was typed: a character, or the sequence of a key. */
  constructor(onKey: (key: string) => void, onResize: () => void) {
    this.#onKey = onKey;
    this.#onResize = onResize;
  }

  get size(): { readonly columns: number; readonly rows: number } {
    const { columns, rows } = process.stdout;
    return { columns: columns || UNKNOWN.columns, rows: rows || UNKNOWN.rows };
  }

  enter(): void {
    if (this.#isShown) return;
    this.#isShown = true;
    process.stdin.setRawMode(true);
    process.stdin.on("data", this.#onData);
    process.stdin.resume();
    process.stdout.on("resize", this.#onResize);
    process.stdout.write(ENTER);
  }

  /** May be called again. */
  leave(): void {
    if (!this.#isShown) return;
    this.#isShown = false;
    process.stdout.write(LEAVE);
    process.stdout.off("resize", this.#onResize);
    process.stdin.off("data", this.#onData);
    process.stdin.pause();
    process.stdin.setRawMode(false);
  }

  /** Ctrl-Z leaves the screen, and `fg` fills it again. */
  suspend(isSuspended: boolean): void {
    if (isSuspended) this.leave();
    else {
      this.enter();
      this.#onResize();
    }
  }

  draw(lines: readonly string[]): void {
    if (!this.#isShown) return;
    const text = lines.map((line) => `${ERASE_LINE}${line}`).join("\r\n");
    process.stdout.write(`${HOME}${text}`);
  }

  readonly #onData = (bytes: Uint8Array): void => {
    for (const key of keysIn(new TextDecoder().decode(bytes))) this.#onKey(key);
  };
}

/** The keys in what a terminal has sent: the sequence of a key comes as a whole. */
export function keysIn(text: string): string[] {
  // deno-lint-ignore no-control-regex -- a key's sequence begins with an escape
  return text.match(/\x1b(\[[0-9;]*[A-Za-z~]|O[A-Z])|[^]/g) ?? [];
}
