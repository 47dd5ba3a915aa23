/** A worker's answer to a job. The connection decodes it, the cluster decides about retries, the run records it. */

import type { FailureKindName, JobResult } from "../protocol/mod.ts";

/** The core's result with its exit code, or the reason why there is none. */
export type Answer =
  & (
    | { readonly kind: "result"; readonly result: JobResult }
    | { readonly kind: "error"; readonly cause: FailureKindName; readonly message: string }
  )
  & {
    /** What the job printed last, if it failed and printed something. */
    readonly lastLines?: readonly string[];
    /** Begins with what the job has used, as the worker has sent it, if it has. */
    readonly usage?: Uint8Array;
  };
