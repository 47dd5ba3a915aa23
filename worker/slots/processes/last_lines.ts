/** The last lines that a job has printed, for people who want to know why it failed. */

import { LAST_LINES_BYTES_MAX, LAST_LINES_MAX, saysWhy } from "../../../system/failure_line.ts";

/**
 * How many lines are kept from the first one on that says why: a panic is followed by its message, and often by a
 * second panic with a backtrace of 50 lines.
 */
const TELLING_LINES_MAX = 3;

/** Stands for the lines between the telling ones and the last ones. */
const LEFT_OUT = "…";

/** The last lines, and those that say why even if many others follow. */
export class LastLines {
  /** The first line that says why, and the lines behind it. */
  #telling: string[] = [];
  /** The number of the first of them. */
  #tellingAt = 0;
  #last: string[] = [];
  #count = 0;

  add(line: string): void {
    if (this.#telling.length === 0 ? saysWhy(line) : this.#telling.length < TELLING_LINES_MAX) {
      if (this.#telling.length === 0) this.#tellingAt = this.#count;
      this.#telling.push(line);
    }
    this.#last.push(line);
    if (this.#last.length > LAST_LINES_MAX) this.#last.shift();
    this.#count += 1;
  }

  /** Takes the lines: at most `LAST_LINES_MAX` with `LAST_LINES_BYTES_MAX`. */
  take(): readonly string[] {
    const lines = this.lines;
    this.#telling = [];
    this.#last = [];
    this.#count = 0;
    return lines;
  }

  get lines(): readonly string[] {
    const lastAt = this.#count - this.#last.length;
    const missing = this.#telling.slice(0, Math.max(0, lastAt - this.#tellingAt));
    if (missing.length === 0) return bounded([], this.#last);
    return bounded([...missing, LEFT_OUT], this.#last.slice(missing.length + 1));
  }
}

/** Leaves out the first of the last lines if all are too long together. */
function bounded(telling: readonly string[], last: readonly string[]): readonly string[] {
  const encoder = new TextEncoder();
  const bytesOf = (line: string) => encoder.encode(line).byteLength + 1;
  let room = telling.reduce((sum, line) => sum - bytesOf(line), LAST_LINES_BYTES_MAX);
  const first = last.findLastIndex((line) => (room -= bytesOf(line)) < 0);
  return [...telling, ...last.slice(first + 1)];
}
