/** A worker's answer to a job: the connection reads it, the cluster judges it, the run records it. */

import type { FailureKindName, JobResult } from "../protocol/mod.ts";

/** The result of the core, with any exit code; or why there is none. */
export type Answer =
  | { readonly kind: "result"; readonly result: JobResult }
  | { readonly kind: "error"; readonly cause: FailureKindName; readonly message: string };
