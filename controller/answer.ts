/** A worker's answer to a job. The connection decodes it, the cluster decides about retries, the run records it. */

import type { FailureKindName, JobResult } from "../protocol/mod.ts";
import type { StoredOutput } from "./huge_outputs.ts";

/** The core's result with its exit code, or the reason why there is none. */
export type Answer =
  & (
    | {
      readonly kind: "result";
      readonly result: JobResult;
      /** The output, if it is not in memory. Then that of `result` is empty. */
      readonly stored?: StoredOutput;
    }
    | { readonly kind: "error"; readonly cause: FailureKindName; readonly message: string }
  )
  & {
    /** What the job printed last, if it failed and printed something. */
    readonly lastLines?: readonly string[];
    /** What the job has used, as the worker has sent it, if it has: from `usageAt` on, or from the beginning. */
    readonly usage?: Uint8Array;
    readonly usageAt?: number;
  };

/** Bytes of the output of an answer. */
export function outputBytesOf(answer: Answer): number {
  if (answer.kind === "error") return 0;
  return answer.stored?.byteLength ?? answer.result.output.byteLength;
}

/** The output of an answer is not needed. */
export function discardOutput(answer: Answer): void {
  if (answer.kind === "result") answer.stored?.discard();
}
