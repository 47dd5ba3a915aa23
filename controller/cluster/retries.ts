/** Decides whether a failed job runs again. Each kind of failure is counted separately. */

import type { JobLimits } from "../../protocol/mod.ts";
import type { Answer } from "../answer.ts";

/** The limits of a job, and how often it is retried. */
export interface JobPolicy extends JobLimits {
  /** Extra attempts after a non-zero exit code or a timeout. */
  readonly retries: number;
  /** The number of crashes after which a job fails. */
  readonly crashLimit: number;
}

/** No limits of time and memory. Only crashes are retried. */
export const DEFAULT_POLICY: JobPolicy = {
  timeMs: 0,
  memoryBytes: 0,
  retries: 0,
  crashLimit: 3,
};

/** A worker reports a job as killed only after this many kills in a row. */
const KILLS_REPORTED = 3;

/** Failed attempts, by kind. */
export interface Faults {
  exitCodes: number;
  crashes: number;
  timeouts: number;
  memory: number;
  /** Jobs that were in flight at a worker when it was lost. */
  lost: number;
}

/** Failed attempts of one job. */
interface Attempts {
  crashes: number;
  /** Non-zero exit codes and timeouts. */
  failures: number;
}

/** Counts the failed attempts of a run. Jobs that never fail use no memory here. */
export class Retries<T> {
  readonly #policy: JobPolicy;
  readonly #attempts = new Map<T, Attempts>();
  readonly faults: Faults = { exitCodes: 0, crashes: 0, timeouts: 0, memory: 0, lost: 0 };

  constructor(policy: JobPolicy) {
    this.#policy = policy;
  }

  /** The answer with which the job ends, or `undefined` if the job runs again. */
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

  /** Counts a failed attempt. Returns whether it was the last one. */
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
        this.faults.memory += 1; // a retry would need as much memory
        return true;
      default:
        return true;
    }
  }
}

/** The prefix of the crash messages of distcomp's own workers. */
const CRASHED = "crashed: ";

/** Adds the number of crashes, as the worker's message is only about the last attempt. */
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
