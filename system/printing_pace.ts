/**
 * Limits how fast the output of child processes is read. A core may print endlessly, and reading all of it would
 * leave no time for other work: pings would go unanswered, and other slots would starve. So a process that
 * prints too much blocks on its full pipe, as it would on a slow terminal. No line is lost, and a core that prints
 * a normal amount is not slowed down.
 */

import { type Clock, delay } from "../runtime/clock.ts";
import type { Log } from "./log.ts";

/** For each millisecond spent on printed lines, this many milliseconds are left for other work. */
const REST_PER_WORK = 3;

/** Shorter rests are added up, because a timer costs more than handling a few lines. */
const REST_MS_MIN = 4;

/** The longest rest. Work that took longer was interrupted: the process was stopped, or the machine is busy. */
const REST_MS_MAX = 100;

/** Gives turns to all outputs that are read. */
export class PrintingPace {
  readonly #clock: Clock;
  readonly #log: Pick<Log, "room">;
  #last: Promise<void> = Promise.resolve();
  #owedMs = 0;

  /** `log` gets the lines. While it has no room, nothing is read. */
  constructor(clock: Clock, log: Pick<Log, "room">) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Does a small piece of work when its turn comes; resolves when the next piece may follow. */
  take(work: () => void): Promise<void> {
    const turn = this.#last.then(() => this.#do(work));
    this.#last = turn.catch(() => {}); // the caller gets the error
    return turn;
  }

  async #do(work: () => void): Promise<void> {
    await this.#log.room?.();
    const startedAtMs = this.#clock.now();
    try {
      work();
    } finally {
      this.#owedMs += REST_PER_WORK * (this.#clock.now() - startedAtMs);
    }
    if (this.#owedMs < REST_MS_MIN) return;
    const restMs = Math.min(this.#owedMs, REST_MS_MAX);
    this.#owedMs = 0;
    await delay(this.#clock, restMs);
  }
}
