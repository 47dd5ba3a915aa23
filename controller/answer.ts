/** How a job went on a worker: what the connection reads, the cluster judges and the run records. */

import type { FailureKindName, JobResult } from "../protocol/mod.ts";

/** A core's result, with any exit code, or why there is none. */
export type Answer =
  | { readonly kind: "result"; readonly result: JobResult }
  | { readonly kind: "error"; readonly cause: FailureKindName; readonly message: string };
