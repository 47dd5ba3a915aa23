/** Retries: whether a job that has failed runs again. Each kind of failure is counted separately. */

import type { JobLimits } from "../../protocol/mod.ts";
import type { Answer } from "../answer.ts";

/** What a job may use, and how often it is tried. */
export interface JobPolicy extends JobLimits {
  /** Further attempts after a non-zero exit code or a timeout. */
  readonly retries: number;
  /** Crashes after which a job has failed. */
  readonly crashLimit: number;
}

/** Nothing is limited, and only crashes are retried. */
export const DEFAULT_POLICY: JobPolicy = {
  timeMs: 0,
  memoryBytes: 0,
  retries: 0,
  crashLimit: 3,
};

/** A worker reports a job as killed only after so many kills in a row. */
const KILLS_REPORTED = 3;

/** Failed attempts, by kind. */
export interface Faults {
  exitCodes: number;
  crashes: number;
  timeouts: number;
  memory: number;
  /** Jobs that were at a worker when it was lost. */
  lost: number;
}

/** Failed attempts of one job. */
interface Attempts {
  crashes: number;
  /** Non-zero exit codes and timeouts. */
  failures: number;
}

/** Counts the failed attempts of a run. Jobs that never fail cost nothing. */
export class Retries<T> {
  readonly #policy: JobPolicy;
  readonly #attempts = new Map<T, Attempts>();
  readonly faults: Faults = { exitCodes: 0, crashes: 0, timeouts: 0, memory: 0, lost: 0 };

  constructor(policy: JobPolicy) {
    this.#policy = policy;
  }

  /** The answer with which the job ends, or `undefined` if it is to run again. */
  finalAnswer(task: T, answer: Answer): Answer | undefined {
    if (answer.kind === "result" && answer.result.exitCode === 0) {
      if (this.#attempts.size > 0) this.#attempts.delete(task);
      return answer;
    }
    const attempts = this.#attempts.get(task) ?? { crashes: 0, failures: 0 };
    if (!this.#isLast(answer, attempts)) {
      this.#attempts.set(task, attempts);
      return undefined;
    }
    this.#attempts.delete(task);
    return withCrashes(answer, attempts.crashes);
  }

  /** Counts a failed attempt. Returns whether there is no other one. */
  #isLast(answer: Answer, attempts: Attempts): boolean {
    const { retries, crashLimit } = this.#policy;
    if (answer.kind === "result") {
      this.faults.exitCodes += 1;
      return ++attempts.failures > retries;
    }
    switch (answer.cause) {
      case "timeout":
        this.faults.timeouts += 1;
        return ++attempts.failures > retries;
      case "crash":
      case "killed":
        this.faults.crashes += 1;
        attempts.crashes += answer.cause === "killed" ? KILLS_REPORTED : 1;
        return attempts.crashes >= crashLimit;
      case "memory":
        this.faults.memory += 1; // it would need as much again
        return true;
      default:
        return true;
    }
  }
}

/** How our workers begin the message of a crash. */
const CRASHED = "crashed: ";

/** A worker's message is about the last attempt alone. */
function withCrashes(answer: Answer, crashes: number): Answer {
  if (answer.kind !== "error" || crashes < 2) return answer;
  const count = `in ${crashes} attempts`;
  const { message } = answer;
  return {
    ...answer,
    message: message.startsWith(CRASHED)
      ? `crashed ${count}: ${message.slice(CRASHED.length)}`
      : `${message}, ${count}`,
  };
}
