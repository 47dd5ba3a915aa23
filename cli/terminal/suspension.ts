/** Ctrl-Z and `fg`: stops this process and what it has started, and has all of it go on. */

import process from "node:process";
import { systemClock } from "../../runtime/clock.ts";
import { isForegroundWithoutShell } from "../../runtime/processes/job_control.ts";
import { tty } from "../../runtime/late_modules.ts";
import { handle } from "./signals.ts";
import { stderr } from "./stderr.ts";

const STDERR = 2;

/** How long a slow terminal may take to show that the progress bar is gone. */
const FLUSH_MS = 200;

/** What is stopped beside this process. */
export interface Suspendable {
  suspend(isSuspended: boolean): void;
}

/**
 * On SIGTSTP suspends all `parts`, in order, and stops this process. When it goes on, they go on too, in reverse
 * order. No time passes meanwhile for limits and heartbeats.
 */
export function handleSuspension(parts: readonly Suspendable[]): void {
  if (!canStop()) return; // then the system stops the process, as it always does
  let isStopping = false;
  handle("SIGTSTP", async () => {
    if (isStopping || isForegroundWithoutShell()) return;
    isStopping = true;
    for (const part of parts) part.suspend(true);
    await stderr.flush(FLUSH_MS);
    systemClock.stop();
    process.kill(process.pid, "SIGSTOP"); // it returns when somebody has sent SIGCONT
    systemClock.start();
    isStopping = false;
    resume(parts);
  });
  handle("SIGCONT", () => resume(parts)); // nobody can catch SIGSTOP
}

function resume(parts: readonly Suspendable[]): void {
  // The window may have another size now. The system has told that only to the program in the foreground. If there is
  // no terminal any more, Deno would throw an error that nobody can catch.
  if (tty().isatty(STDERR)) process.kill(process.pid, "SIGWINCH");
  for (const part of parts.toReversed()) part.suspend(false);
}

/** Whether this process may send itself a signal: some executables lack that permission. */
function canStop(): boolean {
  try {
    return process.kill(process.pid, 0);
  } catch {
    return false;
  }
}
