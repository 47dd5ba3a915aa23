/** Limits how long a trial takes: to load its core, for each job, and then until its process has ended. */

import type { Clock, Timer } from "../runtime/clock.ts";
import { BY_FILTER, type ProcessState } from "../system/process_state.ts";

/** How long a core may take at the end of its process, as in a slot. */
const END_LIMIT_MS = 5_000;

/** How often is looked what it does. */
const LOOK_MS = 250;

/** A trial, as far as its limit is concerned. */
export interface LimitedTrial {
  /** How many jobs have begun; all behind the first ones count as one. */
  jobsBegun(): number;
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
  #jobsBegun = 0;
  #problem: string | undefined;
  #isLateAtEnd = false;

  /**
   * `limitMs`: to load the core, and for each job. `moreMs`: what is added for many runs. `isKnown`: its core is known to be
   * late at the end.
   */
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
    const limitStep = () =>
      clock.after(limitMs + moreMs, () => {
        if (!look()) this.#onLate(limitMs);
      });
    /** Whether the next step has begun. */
    const look = () => {
      const jobsBegun = trial.jobsBegun();
      const isEnding = trial.isEnding();
      if (!isEnding && jobsBegun === this.#jobsBegun) return false;
      this.#jobsBegun = jobsBegun;
      this.#timer.stop();
      if (isEnding) limitEnd();
      else this.#timer = limitStep();
      return true;
    };
    this.#timer = limitStep();
    this.#looks = clock.every(LOOK_MS, look);
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
