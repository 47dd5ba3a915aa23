/** Attempts whose times a journal does not say: it has only the attempt of each job whose answer counts. */

import type { JobFacts } from "./journal_facts.ts";

/** What is missing, and how long it may have taken. */
export interface Missing {
  /** Attempts beside those in the journal, and the jobs that had them. */
  readonly attempts: number;
  readonly jobs: number;
  /** The time of all missing attempts, if each took as long as its job's one in the journal. */
  readonly ms: number;
}

/** Counts the missing attempts of a run. */
export class MissingAttempts {
  #attempts = 0;
  #jobs = 0;
  #ms = 0;
  /** Attempts of jobs that do not say how long the one in the journal took. */
  #untimed = 0;
  #timedMs = 0;
  #timed = 0;

  onJob({ otherAttempts, startedAt, endedAt }: JobFacts): void {
    this.#attempts += otherAttempts;
    if (otherAttempts > 0) this.#jobs += 1;
    if (startedAt === undefined || endedAt === undefined) {
      this.#untimed += otherAttempts + 1;
      return;
    }
    this.#ms += otherAttempts * (endedAt - startedAt);
    this.#timedMs += endedAt - startedAt;
    this.#timed += 1;
  }

  /** An attempt of which nothing is known counts as long as the mean of the others. */
  get all(): Missing {
    const meanMs = this.#timed === 0 ? 0 : this.#timedMs / this.#timed;
    return {
      attempts: this.#attempts,
      jobs: this.#jobs,
      ms: this.#ms + this.#untimed * meanMs,
    };
  }
}
