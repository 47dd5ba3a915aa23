/** What a run remembers about a worker from one connection to the next. */

import { VersionNegotiation } from "./version_negotiation.ts";

/** The number of remembered problems. A faulty worker may have a few of them in turn. */
const PROBLEMS_MAX = 8;

/** The history of one address that is dialed, or of one host whose workers connect to the run. */
export class WorkerHistory {
  readonly versions = new VersionNegotiation();
  /** It has answered a job. When it is lost, a job may be the cause. */
  hasAnswered = false;
  /** It was rejected as unusable after it had been ready. When it is lost again, no job is the cause. */
  wasRejected = false;
  /** Its name and why it cannot be used, for the error with which the run may end. */
  unusable: string | undefined;
  #problems: string[] = [];
  #hasLostCore = false;

  /** A worker that was ready is gone. Returns whether one of its jobs may be the cause. */
  onGone(answers: number, isRejected: boolean): boolean {
    this.hasAnswered ||= answers > 0;
    const mayBeJobsFault = this.hasAnswered && !(isRejected && this.wasRejected);
    this.wasRejected ||= isRejected;
    return mayBeJobsFault;
  }

  /** A job could not run, as the core that it had loaded is gone. Returns whether it does nothing else by now. */
  onCoreLost(answers: number): boolean {
    const isRepeated = this.#hasLostCore && answers === 0;
    this.#hasLostCore = true;
    return isRepeated;
  }

  /** Whether a problem is new. Each problem is reported once. */
  isNew(problem: string): boolean {
    if (this.#problems.includes(problem)) return false;
    this.#problems = [...this.#problems, problem].slice(-PROBLEMS_MAX);
    return true;
  }

  /** It was useful: a problem after that is reported again. */
  forgetProblems(): void {
    this.#problems = [];
  }
}
