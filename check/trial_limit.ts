/** Limits how long a trial takes: until its jobs are over, and then until its process has ended. */

import type { Clock, Timer } from "../runtime/clock.ts";
import { BY_FILTER, type ProcessState } from "../system/process_state.ts";

/** How long a core may take at the end of its process, as in a slot. */
const END_LIMIT_MS = 5_000;

/** How often is looked whether that has begun. */
const LOOK_MS = 250;

/** A trial, as far as its limit is concerned. */
export interface LimitedTrial {
  /** Whether its jobs are over. */
  isEnding(): boolean;
  /** How it has lost the thread of its core, if it has. */
  lostThread(): Pick<ProcessState, "endedBy"> | undefined;
  kill(): void;
}

/** The limit of one trial. */
export class TrialLimit {
  readonly #trial: LimitedTrial;
  readonly #looks: Timer;
  #timer: Timer;
  #problem: string | undefined;
  #isLateAtEnd = false;

  /** `limitMs`: for its jobs. `moreMs`: what is added for many runs. `isKnown`: its core is known to be late at the end. */
  constructor(
    clock: Clock,
    trial: LimitedTrial,
    { limitMs, moreMs, isKnown }: { limitMs: number; moreMs: number; isKnown: boolean },
  ) {
    this.#trial = trial;
    const limitEnd = () => {
      this.stop();
      this.#timer = clock.after(isKnown ? 0 : END_LIMIT_MS, () => {
        this.#isLateAtEnd = true;
        this.#onLate(END_LIMIT_MS);
      });
    };
    this.#timer = clock.after(limitMs + moreMs, () => {
      if (trial.isEnding()) limitEnd();
      else this.#onLate(limitMs);
    });
    this.#looks = clock.every(LOOK_MS, () => {
      if (trial.isEnding()) limitEnd();
    });
  }

  /** What the trial did when it was killed because of the limit, for a sentence; `undefined` if it was not. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Whether it was killed after its jobs. */
  get isLateAtEnd(): boolean {
    return this.#isLateAtEnd;
  }

  /** The trial has ended. */
  stop(): void {
    this.#timer.stop();
    this.#looks.stop();
  }

  #onLate(limitMs: number): void {
    const lost = this.#trial.lostThread();
    if (!lost) this.#problem = `takes longer than ${limitMs / 1000}s`;
    else if (lost.endedBy === undefined) this.#problem = "ends its thread, as pthread_exit does,";
    else this.#problem = `loses its thread to ${lost.endedBy}, ${BY_FILTER},`;
    this.#trial.kill();
  }
}
