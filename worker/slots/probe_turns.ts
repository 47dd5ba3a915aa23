/**
 * Bounds how many processes try cores, over all controllers of a worker, and how many of them start at once: one. Cores
 * whose `worker_init` hangs must not keep others waiting for the ten minutes that it may take: while others wait, a
 * probe has a turn, and starts again in its next one, which is twice as long. The last to come goes first, and one place
 * is left to those that have had no turn: so it waits neither for all the hanging cores that have come before it, nor
 * for the long turns that these have by then.
 */

import type { Clock, Timer } from "../../runtime/clock.ts";

/** Each process takes some 50 MiB. */
export const PROBES_MAX = 4;

/** So many of them may have had a turn before. */
const LATER_PROBES_MAX = PROBES_MAX - 1;

/** The first turn. Most cores load in a few milliseconds. */
const TURN_MS = 1_000;

/** Turns double this often: the last ones are longer than any core may load. */
const DOUBLINGS_MAX = 10;

/**
 * After a process has started, the next one waits as long as that took: those of others, who have jobs here, have the
 * machine meanwhile. On one that is busy it takes seconds.
 */
const REST_MS_MAX = 2_000;

/** Permission to run a probe. */
export interface ProbeTurn {
  /** Aborts when the probe has to give way to another one. */
  readonly over: AbortSignal;
  /** Its process has started. Until then no other one starts, and the time of the turn does not begin. */
  begin(): void;
  /** The probe has ended. */
  end(): void;
}

/** A probe that runs. */
interface Running {
  /** How many turns it has had before. */
  readonly turns: number;
  readonly over: AbortController;
  /** From then on it gives way if another one waits; `undefined` while its process starts. */
  untilMs: number | undefined;
}

/** A probe that waits. */
interface Waiting {
  /** How many turns it has had. Those with fewer go first, and of these the last to come. */
  readonly turns: number;
  resolve(turn: ProbeTurn): void;
}

/** The turns of the probes of a worker. */
export class ProbeTurns {
  readonly #clock: Clock;
  readonly #running = new Set<Running>();
  readonly #waiting: Waiting[] = [];
  #timer: Timer | undefined;
  /** A process starts, or has just started. */
  #isStarting = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when a probe may run that has had `turns` turns; rejects when `abandoned` aborts. */
  async take(turns: number, abandoned: AbortSignal): Promise<ProbeTurn> {
    abandoned.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<ProbeTurn>();
    const waiting = { turns, resolve };
    this.#waiting.push(waiting);
    const leave = () => {
      const index = this.#waiting.indexOf(waiting);
      if (index >= 0) this.#waiting.splice(index, 1);
      reject(abandoned.reason);
    };
    abandoned.addEventListener("abort", leave);
    this.#onChanged();
    try {
      return await promise;
    } finally {
      abandoned.removeEventListener("abort", leave);
    }
  }

  /** Gives the next probe its turn if it may start, and has another one give way if it may not. */
  #onChanged(): void {
    const next = this.#takeNext();
    next?.resolve(this.#begin(next.turns));
    this.#timer?.stop();
    const first = this.#firstToGiveWay();
    if (first?.untilMs === undefined) return;
    this.#timer = this.#clock.after(Math.max(0, first.untilMs - this.#clock.now()), () => {
      first.over.abort(new Error("another core is tried first"));
      this.#onChanged();
    });
  }

  #takeNext(): Waiting | undefined {
    if (this.#isStarting || this.#running.size >= PROBES_MAX) return undefined;
    const turns = Math.min(...this.#waiting.map((waiting) => waiting.turns));
    if (turns > 0 && this.#isFullOfLater) return undefined;
    const index = this.#waiting.findLastIndex((waiting) => waiting.turns === turns);
    return index < 0 ? undefined : this.#waiting.splice(index, 1)[0];
  }

  #begin(turns: number): ProbeTurn {
    const turnMs = TURN_MS * 2 ** Math.min(turns, DOUBLINGS_MAX);
    const running: Running = { turns, over: new AbortController(), untilMs: undefined };
    this.#running.add(running);
    this.#isStarting = true;
    const sinceMs = this.#clock.now();
    return {
      over: running.over.signal,
      begin: () => {
        running.untilMs = this.#clock.now() + turnMs;
        this.#onStarted(sinceMs);
      },
      end: () => {
        if (!this.#running.delete(running)) return;
        if (running.untilMs === undefined) this.#onStarted(sinceMs);
        else this.#onChanged();
      },
    };
  }

  /** A process has started, or could not. */
  #onStarted(sinceMs: number): void {
    const onRested = () => {
      this.#isStarting = false;
      this.#onChanged();
    };
    const tookMs = this.#clock.now() - sinceMs;
    if (tookMs > 0) this.#clock.after(Math.min(tookMs, REST_MS_MAX), onRested);
    else onRested();
  }

  /** Whether only those that have had no turn get the places that are left. */
  get #isFullOfLater(): boolean {
    return [...this.#running].filter(({ turns }) => turns > 0).length >= LATER_PROBES_MAX;
  }

  /** The probe whose turn is over first, of those whose place somebody who waits could have. */
  #firstToGiveWay(): Running | undefined {
    const running = [...this.#running];
    const leaving = running.filter(({ over }) => over.signal.aborted).length;
    if (leaving >= this.#waiting.length) return undefined;
    const areAllLater = this.#waiting.every(({ turns }) => turns > 0);
    const lacksLater = areAllLater && this.#isFullOfLater;
    if (!lacksLater && running.length < PROBES_MAX) return undefined;
    const [first] = running
      .filter(({ turns, over }) => !over.signal.aborted && (turns > 0 || !lacksLater))
      .sort((one, other) => (one.untilMs ?? Infinity) - (other.untilMs ?? Infinity));
    return first;
  }
}
