/** What is known about the jobs of a run, on all nodes. Plain numbers, because every job changes them. */

/** The part of the time that further tries of jobs may cost which are most likely bad. */
const SPENT_PART_MAX = 0.02;

/** The same for tries that compare a node with others: as soon as one passes there, they are no longer needed. */
const COMPARED_PART_MAX = 0.04;

/** The first such try is not limited, as nothing is known yet. */
const FREE_TRIES = 1;

/** The counts of a run. */
export class RunRecord {
  /** Jobs that have passed. */
  done = 0;
  /** Jobs that have failed on several nodes. */
  confirmed = 0;
  /** Answers, and how long all of them took. */
  answers = 0;
  busyMs = 0;
  /** Further tries of jobs that are most likely bad: how many were made or are under way. */
  spentTries = 0;
  /** How many of them are under way. */
  openTries = 0;
  /** How long those took that have failed. */
  spentMs = 0;

  /** Whether one more job that is most likely bad may take a good node's time. */
  get maySpend(): boolean {
    return this.#mayTake(SPENT_PART_MAX);
  }

  /** Whether a job may do so to show whether its node fails more jobs than others: one at a time. */
  get mayCompare(): boolean {
    return this.openTries === 0 && this.#mayTake(COMPARED_PART_MAX);
  }

  #mayTake(part: number): boolean {
    if (this.spentTries < FREE_TRIES) return true;
    const meanMs = this.busyMs / Math.max(1, this.answers);
    return this.spentMs + (this.openTries + 1) * meanMs < part * this.busyMs;
  }
}
