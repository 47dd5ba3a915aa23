/** How the last run of a report has ended, if it is not simply complete. */

import { RUN_END_TEXTS, type RunEnding } from "../controller/output/journal/run_ending.ts";
import { formatNoun, printable } from "../system/format.ts";
import type { About } from "./about.ts";
import type { Report } from "./report.ts";

/** `was interrupted`, for a table of runs. */
export function runEndText(ending: RunEnding | undefined): string {
  return RUN_END_TEXTS[ending?.end ?? "complete"];
}

/** `the last run was interrupted, with 7 jobs left`; `undefined` if it is complete, goes on, or nobody knows. */
export function endingText(
  { runs }: Pick<Report, "runs">,
  { isGoingOn, toRun }: Pick<About, "isGoingOn" | "toRun">,
): string | undefined {
  const last = runs.at(-1);
  if (!last || isGoingOn) return undefined;
  const run = runs.length > 1 ? "the last run" : "the run";
  const { ending, hasEnded, begunAt, jobs } = last;
  // Without its begin it is a run of a pack that was written anew, or of a build before 0.1.0.
  if (!hasEnded && begunAt === undefined) return undefined;
  if (!hasEnded) return `${run} did not end in order${leftText((toRun ?? 0) - jobs)}`;
  if (!ending || ending.end === "complete") return undefined;
  const error = ending.error === undefined ? "" : `: ${printable(ending.error)}`;
  return `${run} ${RUN_END_TEXTS[ending.end]}${leftText(ending.left)}${error}`;
}

function leftText(left = 0): string {
  return left > 0 ? `, with ${formatNoun(left, "job")} left` : "";
}
