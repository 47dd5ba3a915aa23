/** Kills a process of which this one knows only the id. */

import process from "node:process";

/** Kills the process, unless it has ended. */
export function killProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended, or belongs to another user.
  }
}
