/** Queued jobs in order, of which an endpoint gets those first whose data it has. */

import type { EndpointId } from "./ids.ts";
import { type Job, JobList } from "./job.ts";

/** Among how many jobs at the front one is looked for. */
const SEARCHED_JOBS_MAX = 32;

/** How often the first job may be overtaken: its endpoint may be busy for long. */
const OVERTAKEN_MAX = 64;

/** A queue that respects data locality, as long as no job waits much longer because of that. */
export class LocalityQueue<T> extends JobList<T> {
  /** How often the first job was overtaken, about. */
  #overtaken = 0;

  /** The job that an endpoint gets next. It needs the same core as the first one. */
  firstFor(endpoint: EndpointId): Job<T> | undefined {
    const { first } = this;
    if (!first || first.dataAt === undefined || first.dataAt === endpoint) return first;
    if (this.#overtaken >= OVERTAKEN_MAX || first.isIsolated) return first;
    let job: Job<T> | undefined = first;
    for (let count = 0; job?.state === "queued" && count < SEARCHED_JOBS_MAX; count++) {
      if (job.dataAt === endpoint && job.core === first.core && !job.isIsolated) return job;
      job = job.next;
    }
    return first;
  }

  override remove(job: Job<T>): boolean {
    this.#overtaken = job === this.first ? 0 : this.#overtaken + 1;
    return super.remove(job);
  }
}
