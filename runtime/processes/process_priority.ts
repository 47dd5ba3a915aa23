/** Has a process give way to all others of this machine. */

import { fs, os } from "../late_modules.ts";

/** A tenth of what others get: enough to start within a second on a machine that is busy with jobs. */
const BACKGROUND_NICE = 10;

/**
 * Where Linux shares the CPUs among sessions first, a process with a session of its own gets as much as all of the
 * worker's, however nice it is, unless its session is nice, too. What cannot be set stays as it is.
 */
export function runInBackground(pid: number): void {
  try {
    os().setPriority(pid, BACKGROUND_NICE);
    fs().writeFileSync(`/proc/${pid}/autogroup`, String(BACKGROUND_NICE));
  } catch {
    // The process has ended, or this system has no groups of sessions.
  }
}
