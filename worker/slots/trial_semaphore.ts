/**
 * Bounds how many processes try cores, over all controllers of a worker, and how many of them start at once: one. Cores
 * whose `worker_init` hangs must not keep others waiting for the ten minutes that it may take: while others wait, a
 * trial has a slice of time, and starts again in its next one, which is twice as long. The last to come goes first, and
 * one permit is left to those that have had no slice: so it waits neither for all the hanging cores that have come
 * before it, nor for the long slices that these have by then.
 */

import type { Clock, Timer } from "../../runtime/clock.ts";

/** Each process takes some 50 MiB. */
export const TRIALS_MAX = 4;

/** This many of them may have had a slice before. */
const LATER_TRIALS_MAX = TRIALS_MAX - 1;

/** The first slice. Most cores load in a few milliseconds. */
const SLICE_MS = 1_000;

/** Slices double this often: the last ones are longer than any core may load. */
const DOUBLINGS_MAX = 10;

/**
 * After a process has started, the next one waits as long as that took: those of others, who have jobs here, have the
 * machine meanwhile. On one that is busy it takes seconds.
 */
const REST_MS_MAX = 2_000;

/** Permission to run a trial. */
export interface TrialPermit {
  /** Aborts when the trial has to give way to another one. */
  readonly revoked: AbortSignal;
  /** Its process has started. Until then no other one starts, and the slice does not begin. */
  onStarted(): void;
  /** The trial has ended. */
  release(): void;
}

/** A trial that runs. */
interface Running {
  /** How many slices it has had before. */
  readonly slices: number;
  readonly revoked: AbortController;
  /** From then on it gives way if another one waits; `undefined` while its process starts. */
  untilMs: number | undefined;
}

/** A trial that waits. */
interface Waiting {
  /** How many slices it has had. Those with fewer go first, and of these the last to come. */
  readonly slices: number;
  resolve(permit: TrialPermit): void;
}

/** The permits of the trials of a worker. */
export class TrialSemaphore {
  readonly #clock: Clock;
  readonly #running = new Set<Running>();
  readonly #waiting: Waiting[] = [];
  #timer: Timer | undefined;
  /** A process starts, or has just started. */
  #isStarting = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when a trial may run that has had `slices` slices; rejects when `abandoned` aborts. */
  async acquire(slices: number, abandoned: AbortSignal): Promise<TrialPermit> {
    abandoned.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<TrialPermit>();
    const waiting = { slices, resolve };
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

  /** Gives the next trial its permit if it may start, and has another one give way if it may not. */
  #onChanged(): void {
    const next = this.#takeNext();
    next?.resolve(this.#begin(next.slices));
    this.#timer?.stop();
    const first = this.#firstToGiveWay();
    if (first?.untilMs === undefined) return;
    this.#timer = this.#clock.after(Math.max(0, first.untilMs - this.#clock.now()), () => {
      first.revoked.abort(new Error("another core is tried first"));
      this.#onChanged();
    });
  }

  #takeNext(): Waiting | undefined {
    if (this.#isStarting || this.#running.size >= TRIALS_MAX) return undefined;
    const slices = Math.min(...this.#waiting.map((waiting) => waiting.slices));
    if (slices > 0 && this.#isFullOfLater) return undefined;
    const index = this.#waiting.findLastIndex((waiting) => waiting.slices === slices);
    return index < 0 ? undefined : this.#waiting.splice(index, 1)[0];
  }

  #begin(slices: number): TrialPermit {
    const sliceMs = SLICE_MS * 2 ** Math.min(slices, DOUBLINGS_MAX);
    const running: Running = { slices, revoked: new AbortController(), untilMs: undefined };
    this.#running.add(running);
    this.#isStarting = true;
    const sinceMs = this.#clock.now();
    return {
      revoked: running.revoked.signal,
      onStarted: () => {
        running.untilMs = this.#clock.now() + sliceMs;
        this.#onStarted(sinceMs);
      },
      release: () => {
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

  /** Whether only those that have had no slice get the permits that are left. */
  get #isFullOfLater(): boolean {
    return [...this.#running].filter(({ slices }) => slices > 0).length >= LATER_TRIALS_MAX;
  }

  /** The trial whose slice is over first, of those whose permit somebody who waits could have. */
  #firstToGiveWay(): Running | undefined {
    const running = [...this.#running];
    const leaving = running.filter(({ revoked }) => revoked.signal.aborted).length;
    if (leaving >= this.#waiting.length) return undefined;
    const areAllLater = this.#waiting.every(({ slices }) => slices > 0);
    const lacksLater = areAllLater && this.#isFullOfLater;
    if (!lacksLater && running.length < TRIALS_MAX) return undefined;
    const [first] = running
      .filter(({ slices, revoked }) => !revoked.signal.aborted && (slices > 0 || !lacksLater))
      .sort((one, other) => (one.untilMs ?? Infinity) - (other.untilMs ?? Infinity));
    return first;
  }
}
