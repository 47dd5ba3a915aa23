/** Jobs that wait, in their order: they enter at the back, come back to the front, and may leave from anywhere. */

import type { Job } from "./types.ts";

/**
 * Constant time at both ends and in the middle, and no memory of its own: the jobs are linked with each
 * other, so one that is taken back need not be looked for. A job is in one list at a time.
 */
export class JobList<T> {
  #first: Job<T> | undefined;
  #last: Job<T> | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get first(): Job<T> | undefined {
    return this.#first;
  }

  pushBack(job: Job<T>): void {
    this.#link(this.#last, job, undefined);
  }

  pushFront(job: Job<T>): void {
    this.#link(undefined, job, this.#first);
  }

  /** Takes a job out, wherever it stands, and says whether it was there. */
  remove(job: Job<T>): boolean {
    if (job.list !== this) return false;
    const { before, behind } = job;
    if (before) before.behind = behind;
    else this.#first = behind;
    if (behind) behind.before = before;
    else this.#last = before;
    // Links of an old job would keep young ones alive that have long left as well.
    job.list = job.before = job.behind = undefined;
    this.#length -= 1;
    return true;
  }

  *[Symbol.iterator](): Iterator<Job<T>> {
    for (let job = this.#first; job; job = job.behind) yield job;
  }

  #link(before: Job<T> | undefined, job: Job<T>, behind: Job<T> | undefined): void {
    if (job.list) throw new TypeError("A job that waits already cannot be queued once more");
    job.list = this;
    job.before = before;
    job.behind = behind;
    if (before) before.behind = job;
    else this.#first = job;
    if (behind) behind.before = job;
    else this.#last = job;
    this.#length += 1;
  }
}
