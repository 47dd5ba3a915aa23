/**
 * Bounds the lines of a log that peers cause, for each source and over all of them: whoever connects a thousand times
 * in a second must not fill the disk with the lines about it.
 */

import type { Clock } from "../runtime/clock.ts";
import type { Log } from "./log.ts";

/** Lines about one source: at once, and in a second after that. */
const SOURCE_BURST = 50;
const SOURCE_PER_SECOND = 5;

/** The same for all sources together: an attacker may have many addresses. */
const ALL_BURST = 500;
const ALL_PER_SECOND = 50;

/** Sources that are remembered. A forgotten one has its burst again, within the bound on all. */
const SOURCES_MAX = 1_000;

/** A longer line is cut: what peers say may be as long as a message. */
const LINE_CHARS_MAX = 4 * 1024;

/** Lines that may be written now. */
class Allowance {
  leftOut = 0;
  #lines: number;
  #countedAtMs: number;

  constructor(readonly burst: number, readonly perSecond: number, nowMs: number) {
    this.#lines = burst;
    this.#countedAtMs = nowMs;
  }

  has(nowMs: number): boolean {
    const more = this.perSecond * (nowMs - this.#countedAtMs) / 1_000;
    this.#lines = Math.min(this.burst, this.#lines + more);
    this.#countedAtMs = nowMs;
    return this.#lines >= 1;
  }

  take(): void {
    this.#lines -= 1;
  }
}

/** Writes lines, and leaves out those that are too many. */
export class LineLimit {
  readonly #clock: Clock;
  readonly #all: Allowance;
  readonly #sources = new Map<string, Allowance>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#all = new Allowance(ALL_BURST, ALL_PER_SECOND, clock.now());
  }

  /** Writes a line about a source, or counts it. The next line about it says how many were left out. */
  write(source: string, line: string, write: (line: string) => void): void {
    const nowMs = this.#clock.now();
    const own = this.#allowanceOf(source, nowMs);
    if (!own.has(nowMs) || !this.#all.has(nowMs)) {
      own.leftOut += 1;
      return;
    }
    own.take();
    this.#all.take();
    if (own.leftOut > 0) write(`${own.leftOut} lines about ${source} were left out here`);
    own.leftOut = 0;
    write(cutLine(line));
  }

  #allowanceOf(source: string, nowMs: number): Allowance {
    const own = this.#sources.get(source) ?? new Allowance(SOURCE_BURST, SOURCE_PER_SECOND, nowMs);
    this.#sources.delete(source);
    this.#sources.set(source, own); // in the order of their last lines
    const [oldest] = this.#sources.size > SOURCES_MAX ? this.#sources.keys() : [];
    if (oldest !== undefined) this.#sources.delete(oldest);
    return own;
  }
}

/** The text as a line of bounded length. */
export function cutLine(text: string): string {
  return text.length <= LINE_CHARS_MAX ? text : `${text.slice(0, LINE_CHARS_MAX)}…`;
}

/** The worker that a line is about: `lost worker 10.0.0.1:7433: …`. Its port is another one with each connection. */
const WORKER = /\bworker (\S+?)(:\d+)?[: ]/;

/** The same log with bounds on its warnings about workers. What cores print has bounds of its own. */
export function boundedLog(log: Log, clock: Clock): Log {
  const limit = new LineLimit(clock);
  const bounded = (write: (text: string) => void) => (text: string) => {
    limit.write(`worker ${WORKER.exec(text)?.[1] ?? "?"}`, text, write);
  };
  const { table, room } = log;
  return {
    info: bounded((text) => log.info(text)),
    warn: bounded((text) => log.warn(text)),
    printed: (text) => log.printed(text),
    ...table && { table: (title, rows) => table.call(log, title, rows) },
    ...room && { room: () => room.call(log) },
  };
}
