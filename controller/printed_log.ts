/** What cores print, as lines of a session's log: `job 7: line`. */

import type { Log } from "../system/log.ts";
import type { Printed, Task } from "./cluster/cluster_types.ts";

/** Adds lines to the log. Those that a core has printed while no job ran begin with `core`. */
export function logPrinted(log: Log, { job, lines, leftOut }: Printed<Task>): void {
  const source = job ? `job ${job.payload.index}` : "core";
  if (leftOut > 0) {
    log.printed(`${source}: … ${leftOut} line${leftOut === 1 ? "" : "s"} left out here`);
  }
  for (const line of lines) log.printed(`${source}: ${line}`);
}
