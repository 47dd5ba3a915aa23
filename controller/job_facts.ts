/** What is known of a job that has ended. */

import type { Completion } from "./cluster/task.ts";
import type { JobRecord } from "./output/journal_record.ts";
import type { NamedTask } from "./inputs/source.ts";

/** Characters of a failed job's output that are shown as its reason. */
const REASON_CHARS_MAX = 200;

/** What the journal says beside the outcome. */
export type JobFacts = Omit<JobRecord, "index" | "input" | "identity" | "state" | "error">;

/** Those of a job that was never sent. */
export const UNSENT: JobFacts = { attempt: 0, bytesIn: 0, bytesOut: 0, queueMs: 0, runMs: 0 };

/** Those of a job that was answered. */
export function factsOf({ job, answer, worker, answeredAtMs }: Completion<NamedTask>): JobFacts {
  const facts = {
    worker,
    attempt: job.attempt,
    bytesIn: job.bytes,
    bytesOut: answer.kind === "result" ? answer.result.output.byteLength : 0,
    queueMs: toMicroseconds(job.sentAtMs - job.queuedAtMs),
    runMs: toMicroseconds(answeredAtMs - job.sentAtMs),
  };
  return answer.kind === "error" ? { ...facts, cause: answer.cause } : facts;
}

function toMicroseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** The exit code and, where the core has put a text into the output, its first line. */
export function failureText(exitCode: number, output: Uint8Array): string {
  const start = new TextDecoder().decode(output.subarray(0, 4 * REASON_CHARS_MAX));
  const line = start.split("\n", 1)[0]?.trim() ?? "";
  // deno-lint-ignore no-control-regex -- anything that is no plain text is not shown
  const isText = line !== "" && !/[\u0000-\u001f\u007f-\u009f\ufffd]/.test(line);
  return isText
    ? `exit code ${exitCode}: ${line.slice(0, REASON_CHARS_MAX)}`
    : `exit code ${exitCode}`;
}
