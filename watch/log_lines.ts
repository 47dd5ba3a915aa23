/** The last lines of a log, for those who look at it later from somewhere else. */

import { stripVTControlCharacters } from "node:util";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../system/log.ts";
import { LOG_LINES_MAX, type LogEntry, TEXT_CHARS_MAX } from "./snapshot.ts";

/** A log that keeps its last lines. */
export class LogLines implements Log {
  readonly #clock: Clock;
  /** A ring once it is full: a core may print thousands of lines in a second. */
  readonly #lines: LogEntry[] = [];
  #next = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The newest last. */
  get all(): LogEntry[] {
    return [...this.#lines.slice(this.#next), ...this.#lines.slice(0, this.#next)];
  }

  readonly info = (text: string): void => this.#add("info", text);
  readonly warn = (text: string): void => this.#add("warning", text);
  readonly printed = (text: string): void => this.#add("printed", text);

  readonly table = (title: string, rows: readonly (readonly [string, string])[]): void => {
    this.warn(title);
    for (const [one, other] of rows) this.warn(`  ${one}: ${other}`);
  };

  #add(level: LogEntry["level"], text: string): void {
    for (const line of stripVTControlCharacters(text).split("\n")) this.#addLine(level, line);
  }

  #addLine(level: LogEntry["level"], text: string): void {
    const line = { at: this.#clock.date(), level, text: text.slice(0, TEXT_CHARS_MAX) };
    if (this.#lines.length < LOG_LINES_MAX) this.#lines.push(line);
    else {
      this.#lines[this.#next] = line;
      this.#next = (this.#next + 1) % LOG_LINES_MAX;
    }
  }
}
