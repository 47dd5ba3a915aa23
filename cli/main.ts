/** The main function of every process, whether the user or distcomp itself started it. */

import process from "node:process";
import { detectRuntime } from "../runtime/detect.ts";
import { ownRole } from "../system/self.ts";
import type { Roles } from "./roles.ts";
import { exit, useStderrOf } from "./stderr.ts";

/** Runs this process in the role that its arguments and environment specify, then exits. */
export function main(roles: Roles): void {
  runRole(roles, process.argv.slice(2)).then(exit);
}

async function runRole(roles: Roles, args: readonly string[]): Promise<number> {
  const runtime = await detectRuntime();
  useStderrOf(runtime);
  const [first, socket = "", number = ""] = args;
  if (first === "slot" && ownRole() === "slot" && roles.slot) {
    const { runSlot } = await roles.slot();
    return runSlot(runtime, socket, Number(number));
  }
  if (first === "local-worker" && ownRole() === "local-worker" && roles.localWorker) {
    const { localWorkerCommand } = await roles.localWorker();
    return await localWorkerCommand(runtime, socket, Number(number));
  }
  if (first === "check" && ownRole() === "check" && roles.trial) {
    const { runTrial } = await roles.trial();
    return await runTrial(runtime, socket);
  }
  const { runCommandLine } = await import("./command_line.ts");
  return await runCommandLine(runtime, args, roles);
}
