/** The main function of every process, whether the user or distcomp itself started it. */

import { detectRuntime } from "../runtime/detect.ts";
import { ownRole } from "../system/self.ts";
import { typedArguments } from "./arguments.ts";
import type { Roles } from "./roles.ts";
import { runSpawnedRole } from "./spawned_role.ts";
import { exit, useStderrOf } from "./stderr.ts";

/** Runs this process in the role that its arguments and environment specify, then exits. */
export function main(roles: Roles): void {
  runRole(roles, typedArguments()).then(exit);
}

async function runRole(roles: Roles, args: readonly string[]): Promise<number> {
  const runtime = await detectRuntime();
  useStderrOf(runtime);
  const [first, socket = ""] = args;
  const status = await runSpawnedRole(runtime, args, roles);
  if (status !== undefined) return status;
  if (first === "check" && ownRole() === "check" && roles.trial) {
    const { runTrial } = await roles.trial();
    return await runTrial(runtime, socket);
  }
  const { runCommandLine } = await import("./command_line.ts");
  return await runCommandLine(runtime, args, roles);
}
