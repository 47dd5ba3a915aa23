/**
 * Jobs that workers have given up because their time was over. That costs a job no attempt, so that one which takes
 * longer than any worker has would run for ever. Nobody but the user can help, and is told once.
 */

import type { Log } from "../../system/log.ts";

/** A job that ran for less does not count: its worker had just begun with it. */
const RAN_MS_MIN = 30_000;

/** How often the same job must be given up: that is not an accident. */
const TIMES_MAX = 3;

/** How many jobs are remembered, the latest ones. */
const JOBS_MAX = 1_000;

/** Counts how often each job was given up. */
export class GivenUpJobs {
  readonly #log: Log;
  /** By the index of the job's task: the task itself would keep its input after its end. */
  readonly #times = new Map<number, number>();
  #isReported = false;

  constructor(log: Log) {
    this.#log = log;
  }

  /** A worker leaves that has run a job for `ranMs` without an end. `job`: the index of its task. */
  onGivenUp(job: number, ranMs: number): void {
    if (this.#isReported || ranMs < RAN_MS_MIN) return;
    const times = (this.#times.get(job) ?? 0) + 1;
    this.#times.delete(job);
    this.#times.set(job, times);
    if (times >= TIMES_MAX) return this.#report(ranMs);
    const [oldest] = this.#times.keys();
    if (oldest !== undefined && this.#times.size > JOBS_MAX) this.#times.delete(oldest);
  }

  #report(ranMs: number): void {
    this.#isReported = true;
    this.#times.clear();
    this.#log.warn(
      `${TIMES_MAX} workers in a row have left before a job had ended, the last one after it ran for ` +
        `${Math.round(ranMs / 1000)}s; give workers more time than jobs take`,
    );
  }
}
