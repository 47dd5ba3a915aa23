/**
 * Bounds how many processes try cores at once, over all controllers of a worker. Cores whose `worker_init` hangs
 * must not keep others waiting for the ten minutes that it may take: while others wait, a probe has a turn, and
 * starts again in its next one, which is twice as long. The last to come goes first: it does not wait for all the
 * hanging cores that have come before it.
 */

import type { Clock, Timer } from "../../runtime/clock.ts";

/** Each process takes some 50 MiB, and a CPU while it starts. */
export const PROBES_MAX = 4;

/** The first turn. Most cores load in a few milliseconds, and a process starts in a tenth of a second. */
const TURN_MS = 1_000;

/** Turns double this often: the last ones are longer than any core may load. */
const DOUBLINGS_MAX = 10;

/** Permission to run a probe. */
export interface ProbeTurn {
  /** Aborts when the probe has to give way to another one. */
  readonly over: AbortSignal;
  /** The probe has ended. */
  end(): void;
}

/** A probe that runs. */
interface Running {
  readonly over: AbortController;
  /** From then on it gives way if another one waits. */
  readonly untilMs: number;
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

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when a probe may run that has had `turns` turns; rejects when `abandoned` aborts. */
  async take(turns: number, abandoned: AbortSignal): Promise<ProbeTurn> {
    abandoned.throwIfAborted();
    if (this.#running.size < PROBES_MAX) return this.#begin(turns);
    const { promise, resolve, reject } = Promise.withResolvers<ProbeTurn>();
    const waiting = { turns, resolve };
    this.#waiting.push(waiting);
    const leave = () => {
      const index = this.#waiting.indexOf(waiting);
      if (index >= 0) this.#waiting.splice(index, 1);
      reject(abandoned.reason);
    };
    abandoned.addEventListener("abort", leave);
    this.#onWaiting();
    try {
      return await promise;
    } finally {
      abandoned.removeEventListener("abort", leave);
    }
  }

  #begin(turns: number): ProbeTurn {
    const turnMs = TURN_MS * 2 ** Math.min(turns, DOUBLINGS_MAX);
    const running = { over: new AbortController(), untilMs: this.#clock.now() + turnMs };
    this.#running.add(running);
    return {
      over: running.over.signal,
      end: () => {
        if (this.#running.delete(running)) this.#next();
      },
    };
  }

  #next(): void {
    const turns = Math.min(...this.#waiting.map((waiting) => waiting.turns));
    const index = this.#waiting.findLastIndex((waiting) => waiting.turns === turns);
    const [next] = index < 0 ? [] : this.#waiting.splice(index, 1);
    next?.resolve(this.#begin(next.turns));
    this.#onWaiting();
  }

  /** Has the probe whose turn is over first give way, as soon as it is over. */
  #onWaiting(): void {
    this.#timer?.stop();
    const first = [...this.#running]
      .filter(({ over }) => !over.signal.aborted)
      .sort((one, other) => one.untilMs - other.untilMs)[0];
    if (this.#waiting.length === 0 || !first) return;
    const leftMs = Math.max(0, first.untilMs - this.#clock.now());
    this.#timer = this.#clock.after(leftMs, () => {
      first.over.abort(new Error("another core is tried first"));
      this.#onWaiting();
    });
  }
}
