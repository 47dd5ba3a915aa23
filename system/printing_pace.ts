/**
 * How fast a process reads what the processes that it has started print. A core may print without end, and
 * reading all of that would leave no time for anything else: pings would go unanswered, and other slots
 * would starve. So a process that prints too much waits at its full pipe, as it would on a slow terminal.
 * Nothing is lost, and a core that prints a normal amount never notices. Dropping lines would be no simpler,
 * and would lose the line that somebody looks for.
 */

import { type Clock, delay } from "../runtime/clock.ts";
import type { Log } from "./log.ts";

/** For each millisecond of work on printed lines, this many are left for all other work. */
const REST_PER_WORK = 3;

/** Shorter rests are saved up: a timer would cost more than the few lines before it. */
const REST_MS_MIN = 4;

/** Work that seems to have taken longer was interrupted: the process was stopped, or the machine is busy. */
const REST_MS_MAX = 100;

/** Takes turns among all the outputs that are read. */
export class PrintingPace {
  readonly #clock: Clock;
  readonly #log: Pick<Log, "room">;
  #last: Promise<void> = Promise.resolve();
  #owedMs = 0;

  /** `log`: where the lines go. While it has no room, nothing is read. */
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
