/** What a run remembers of a worker from one connection to the next. */

import { VersionNegotiation } from "./version_negotiation.ts";

/** Problems that are remembered: a faulty worker may have a few, by turns. */
const PROBLEMS_MAX = 8;

/** One address that is dialed, or one host whose workers connect to us. */
export class WorkerHistory {
  readonly versions = new VersionNegotiation();
  /** It has answered a job: a job may be the reason when it is lost. */
  hasAnswered = false;
  /** It was rejected as unusable after it had been ready: it needs no job to be lost again. */
  wasRejected = false;
  /** Why the run's end may be that it cannot be used: its name and the reason. */
  unusable: string | undefined;
  #problems: string[] = [];

  /** Whether a problem is news. Each is reported once. */
  isNews(problem: string): boolean {
    if (this.#problems.includes(problem)) return false;
    this.#problems = [...this.#problems, problem].slice(-PROBLEMS_MAX);
    return true;
  }

  /** It was of use: a problem after that is news again. */
  forgetProblems(): void {
    this.#problems = [];
  }
}
