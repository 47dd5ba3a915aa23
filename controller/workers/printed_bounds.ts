/**
 * Bounds what one worker may have a run write of what its jobs print. distcomp's worker keeps to less; another one
 * could fill the disk with the log of the run.
 */

import { Buffer } from "node:buffer";
import type { PrintedNotice } from "../../protocol/mod.ts";
import type { Clock } from "../../runtime/clock.ts";
import { SecondBudget } from "../../system/second_budget.ts";

/** Twice what a worker of distcomp sends to one controller. */
const BYTES_PER_SECOND_MAX = 2 * 1024 * 1024;

/** Each line gets the name of its job in front. */
const LINES_PER_SECOND_MAX = 50_000;

/** Notices without any line: that some were left out is told at the end of each job. */
const EMPTY_PER_SECOND_MAX = 1_000;

/** What the journal keeps of the last lines of a failed job. */
const LAST_CHARS_MAX = 4 * 1024;

/** The bounds of one connection. */
export class PrintedBounds {
  readonly #clock: Clock;
  readonly #bytes = new SecondBudget(BYTES_PER_SECOND_MAX);
  readonly #lines = new SecondBudget(LINES_PER_SECOND_MAX);
  readonly #empty = new SecondBudget(EMPTY_PER_SECOND_MAX);
  /** Lines that were left out since the last notice that was passed on. */
  #leftOut = 0;
  /** The last lines of a failed job, whose answer follows. */
  #last: { readonly id: number; readonly lines: readonly string[] } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The notice, with as many of its lines as the bounds allow. `undefined` if there is nothing to tell now. */
  bounded({ lines, leftOut, isLast }: PrintedNotice): PrintedNotice | undefined {
    const nowMs = this.#clock.now();
    const taken = lines.filter((line) => this.#take(line, nowMs));
    this.#leftOut += Math.min(leftOut, Number.MAX_SAFE_INTEGER) + lines.length - taken.length;
    if (taken.length === 0 && !this.#empty.take(1, nowMs)) return undefined;
    const notice = { isLast, lines: taken, leftOut: this.#leftOut };
    this.#leftOut = 0;
    return notice;
  }

  /** The last lines of a job whose answer follows. */
  onLast(id: number, lines: readonly string[]): void {
    this.#last = { id, lines: lastOf(lines) };
  }

  /** Whether the last lines of a job have come, which its answer follows. */
  get hasLast(): boolean {
    return this.#last !== undefined;
  }

  /** The last lines of a job that is answered. */
  takeLast(id: number): readonly string[] | undefined {
    const last = this.#last;
    this.#last = undefined;
    return last?.id === id ? last.lines : undefined;
  }

  /** Counts one more line. Returns whether the bounds allow it. */
  #take(line: string, nowMs: number): boolean {
    return this.#lines.take(1, nowMs) && this.#bytes.take(Buffer.byteLength(line) + 1, nowMs);
  }
}

/** As many of the last lines as are kept. */
function lastOf(lines: readonly string[]): readonly string[] {
  let chars = 0;
  const first = lines.findLastIndex((line) => (chars += line.length + 1) > LAST_CHARS_MAX);
  if (first < 0) return lines;
  const kept = lines.slice(first + 1);
  return kept.length > 0 ? kept : [lines.at(-1)?.slice(0, LAST_CHARS_MAX) ?? ""];
}
