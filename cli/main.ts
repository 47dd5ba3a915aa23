/** The main function of every process that may be the user's: `distcomp` itself, from source and compiled. */

import "../runtime/processes/hangup.ts"; // it looks at the signals that this process was started with
import type { Roles } from "./roles.ts";
import { runProcess, runSlotProcess, runStartedRole } from "./started_roles.ts";

/** Runs this process in the role that its arguments and environment specify, then exits. */
export function main(roles: Roles): void {
  if (runSlotProcess(roles)) return;
  runProcess(async (runtime, args) => {
    const started = await runStartedRole(runtime, args, roles);
    if (started !== undefined) return started;
    const { runCommandLine } = await import("./command_line.ts");
    return await runCommandLine(runtime, args, roles);
  });
}
