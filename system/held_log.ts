/** A log for the time before there is one: it holds what it gets, and then passes it on. */

import { type Log, silentLog } from "./log.ts";

/** The most lines that are held. A process that has not begun its work has few to say. */
const LINES_MAX = 100;

/** Holds lines until it is told where they go. */
export class HeldLog implements Log {
  #log: Log | undefined;
  #held: ((log: Log) => void)[] = [];

  info(text: string): void {
    this.#add((log) => log.info(text));
  }

  warn(text: string): void {
    this.#add((log) => log.warn(text));
  }

  printed(text: string): void {
    this.#add((log) => log.printed(text));
  }

  room(): Promise<void> | undefined {
    return this.#log?.room?.();
  }

  /** Passes on what it holds, and what comes from now on. */
  passTo(log: Log = silentLog): void {
    this.#log = log;
    for (const line of this.#held.splice(0)) line(log);
  }

  #add(line: (log: Log) => void): void {
    if (this.#log) line(this.#log);
    else if (this.#held.length < LINES_MAX) this.#held.push(line);
  }
}
