/** What a job has printed, as people read it. */

import type { PrintedByJob } from "../../controller/run.ts";
import { formatNoun } from "../../system/format.ts";

/** The lines, behind one that says how many are missing before them. */
export function linesOf({ lines, leftOut }: Pick<PrintedByJob, "lines" | "leftOut">): string[] {
  return leftOut === 0 ? [...lines] : [`… ${formatNoun(leftOut, "line")} left out here`, ...lines];
}
