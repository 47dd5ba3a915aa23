/** The limits of a job and of loading its core, how often a job is retried, and the counts of failed attempts. */

import type { JobLimits } from "../../protocol/mod.ts";

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

export { INIT_MS_DEFAULT } from "../../protocol/mod.ts";

/** Failed attempts, by kind. */
export interface Faults {
  exitCodes: number;
  crashes: number;
  timeouts: number;
  memory: number;
  /** Jobs that were in flight at a worker when it was lost. */
  lost: number;
}
