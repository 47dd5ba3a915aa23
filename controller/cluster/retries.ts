/** What becomes of a job that has failed: another attempt, or its end. Every kind of failure counts for itself. */

import type { JobLimits } from "../../protocol/mod.ts";
import type { Answer } from "../answer.ts";

/** What people allow a job. */
export interface JobPolicy extends JobLimits {
  /** Further attempts after a non-zero exit code or a timeout. */
  readonly retries: number;
  /** Slots that a job may crash before it is what is wrong. */
  readonly crashLimit: number;
}

/** As it is unless somebody says otherwise. */
export const DEFAULT_POLICY: JobPolicy = {
  timeMs: 0,
  memoryBytes: 0,
  retries: 0,
  crashLimit: 3,
};

/** A worker reports this only when it has seen it so often in a row. */
const KILLS_REPORTED = 3;

/** How often what has gone wrong, in attempts of jobs. */
export interface Faults {
  exitCodes: number;
  crashes: number;
  timeouts: number;
  memory: number;
  /** Jobs that were at a worker when it was lost. */
  lost: number;
}

/** What one job has been through. */
interface Troubles {
  crashes: number;
  retries: number;
}

/** Keeps count for the jobs of a run that are in trouble; the others cost nothing. */
export class Retries<T> {
  readonly #policy: JobPolicy;
  readonly #troubles = new Map<T, Troubles>();
  readonly faults: Faults = { exitCodes: 0, crashes: 0, timeouts: 0, memory: 0, lost: 0 };

  constructor(policy: JobPolicy) {
    this.#policy = policy;
  }

  /** `undefined`: the job is to run again. Otherwise the answer that it ends with. */
  judge(task: T, answer: Answer): Answer | undefined {
    if (answer.kind === "result" && answer.result.exitCode === 0) {
      if (this.#troubles.size > 0) this.#troubles.delete(task);
      return answer;
    }
    const troubles = this.#troubles.get(task) ?? { crashes: 0, retries: 0 };
    const isFinal = this.#isFinal(answer, troubles);
    if (isFinal) this.#troubles.delete(task);
    else this.#troubles.set(task, troubles);
    return isFinal ? this.#describe(answer, troubles) : undefined;
  }

  #isFinal(answer: Answer, troubles: Troubles): boolean {
    const { retries, crashLimit } = this.#policy;
    if (answer.kind === "result") {
      this.faults.exitCodes += 1;
      return ++troubles.retries > retries;
    }
    switch (answer.cause) {
      case "timeout":
        this.faults.timeouts += 1;
        return ++troubles.retries > retries;
      case "crash":
      case "killed":
        this.faults.crashes += 1;
        troubles.crashes += answer.cause === "killed" ? KILLS_REPORTED : 1;
        return troubles.crashes >= crashLimit;
      case "memory":
        this.faults.memory += 1; // it would need as much again
        return true;
      default:
        return true;
    }
  }

  #describe(answer: Answer, { crashes }: Troubles): Answer {
    if (answer.kind !== "error" || crashes < 2) return answer;
    return { ...answer, message: `${answer.message}, in ${crashes} slots` };
  }
}
