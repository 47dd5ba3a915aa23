/** Counts the jobs of a run, on all nodes, and further tries of them. Plain numbers, because every job changes them. */

/**
 * The budget for further tries of jobs that are most likely bad: the part of the time of all slots that such tries may
 * take.
 */
const BUDGET_PART = 0.02;

/**
 * A larger budget for tries that compare a node with others: as soon as one passes there, they are no longer needed.
 */
const COMPARISON_PART = 0.04;

/** The first such try is not limited, as nothing is known yet. */
const FREE_TRIES = 1;

/** The counts of a run. */
export class RunCounts {
  /** Jobs that have passed. */
  done = 0;
  /** Jobs that have failed on several nodes. */
  confirmed = 0;
  /** Answers, and how long all of them took. */
  answers = 0;
  busyMs = 0;
  /** Tries that the budget pays for: how many were made or are under way. */
  budgetedTries = 0;
  /** How many of them are under way. */
  budgetedInFlight = 0;
  /** How long those of them took that have failed. */
  budgetSpentMs = 0;

  /** Whether one more job that is most likely bad may take a good node's time. */
  get hasBudget(): boolean {
    return this.#isWithin(BUDGET_PART);
  }

  /** Whether a job may do so to show whether its node fails more jobs than others: one at a time. */
  get mayCompare(): boolean {
    return this.budgetedInFlight === 0 && this.#isWithin(COMPARISON_PART);
  }

  #isWithin(part: number): boolean {
    if (this.budgetedTries < FREE_TRIES) return true;
    const meanMs = this.busyMs / Math.max(1, this.answers);
    return this.budgetSpentMs + (this.budgetedInFlight + 1) * meanMs < part * this.busyMs;
  }
}
