/** What goes wrong when a process is told to end: its core may have something to do then, such as to write a file. */

import type { ProcessEnd } from "../../../runtime/ports.ts";
import { withReason } from "../../../system/failure_line.ts";
import type { Lines } from "../../job.ts";
import { causeOf, describeEnd } from "./process_end.ts";

/** How long a process may take to unload its core. */
export const END_LIMIT_MS = 5_000;

/**
 * What was wrong with a process that had loaded a core and was told to end. It has lost no job, but its core may not
 * have done all that it does at its end. `isLate`: it was killed because it took too long.
 */
export function endProblem(
  end: ProcessEnd,
  isLate: boolean,
  core: string,
  { lastLines }: { readonly lastLines: Lines },
): string | undefined {
  const where = `a slot process with core "${core}"`;
  if (isLate) return `${where} was ended: it took more than ${END_LIMIT_MS / 1000}s to end`;
  // Those that end a worker end its slots, too, and a worker that is closed kills some.
  if (end.signal === undefined || causeOf(end, lastLines) !== "self") return undefined;
  return `${where} ${withReason(describeEnd(end, lastLines), lastLines)}, when it ended`;
}
