/** The clients of `run`: all calls with one priority share one, so that together they have the share of one map. */

import type { JobClient, SessionJobs } from "./session_jobs.ts";

/** The clients of one session's `run`, by their priority. */
export class RunClients {
  readonly #jobs: SessionJobs;
  readonly #byPriority = new Map<number, JobClient>();

  constructor(jobs: SessionJobs) {
    this.#jobs = jobs;
  }

  of(priority: number): JobClient {
    const known = this.#byPriority.get(priority);
    if (known) return known;
    const client = this.#jobs.openClient(priority);
    client.end(); // nobody knows of a further call
    this.#byPriority.set(priority, client);
    return client;
  }
}
