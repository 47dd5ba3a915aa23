/** Attempts whose times a journal does not say: it has only the last attempt of each job. */

import type { JobFacts } from "./journal_facts.ts";

/** What is missing, and how long it may have taken. */
export interface Missing {
  /** Attempts before the last one, and the jobs that had them. */
  readonly attempts: number;
  readonly jobs: number;
  /** The time of all missing attempts, if each took as long as its job's last one. */
  readonly ms: number;
}

/** Counts the missing attempts of a run. */
export class MissingAttempts {
  #attempts = 0;
  #jobs = 0;
  #ms = 0;
  /** Attempts of jobs that do not say how long their last one took. */
  #untimed = 0;
  #timedMs = 0;
  #timed = 0;

  onJob({ earlierAttempts, startedAt, endedAt }: JobFacts): void {
    this.#attempts += earlierAttempts;
    if (earlierAttempts > 0) this.#jobs += 1;
    if (startedAt === undefined || endedAt === undefined) {
      this.#untimed += earlierAttempts + 1;
      return;
    }
    this.#ms += earlierAttempts * (endedAt - startedAt);
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
