/** Which ending a run notes in its journal. */

import { TooManyFailuresError } from "./failure_limit.ts";
import { messageOf } from "../runtime/error_text.ts";
import { ENDING_CHARS_MAX, type RunEnd, type RunEnding } from "./output/journal/run_ending.ts";
import { InterruptedError, NoWorkerError, TimeLimitError } from "./run_errors.ts";
import type { JobCounts } from "./job_counter.ts";

/** The ending of a run with these counts. `error`: what has ended it early; `undefined` if nothing has. */
export function endingOf(
  error: unknown,
  { total, done, failed, skipsLeft }: Pick<JobCounts, "total" | "done" | "failed" | "skipsLeft">,
): RunEnding {
  const others = total === undefined ? undefined : Math.max(0, total - done - failed - skipsLeft);
  // How many will be skipped is a guess from the journal, which may be of other inputs: some may be left.
  const left = others === 0 && skipsLeft > 0 ? undefined : others;
  const end = endOf(error);
  if (end === "complete") return { end, left, done, failed };
  if (end !== "error") return { end, left };
  return { end, left, error: messageOf(error).slice(0, ENDING_CHARS_MAX) };
}

function endOf(error: unknown): RunEnd {
  if (error === undefined) return "complete";
  if (error instanceof InterruptedError) return "interrupted";
  if (error instanceof TimeLimitError) return "time limit";
  if (error instanceof TooManyFailuresError) return error.wasStopped ? "failures" : "complete";
  return error instanceof NoWorkerError ? "no worker" : "error";
}
