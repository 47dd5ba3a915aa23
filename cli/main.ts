/** The main function of every process, whether the user or distcomp itself started it. */

import { bindToCpus } from "../runtime/cpu_binding.ts";
import { detectRuntime } from "../runtime/detect.ts";
import { messageOf } from "../runtime/error_text.ts";
import type { SlotStart } from "../slot/protocol.ts";
import { parseCpuList } from "../system/cpu_list.ts";
import { ownRole } from "../system/self.ts";
import { ExitCode } from "./exit_code.ts";
import { typedArguments } from "./arguments.ts";
import type { Roles } from "./roles.ts";
import { exit, useStderrOf } from "./stderr.ts";

/** Runs this process in the role that its arguments and environment specify, then exits. */
export function main(roles: Roles): void {
  runRole(roles, typedArguments()).then(exit);
}

async function runRole(roles: Roles, args: readonly string[]): Promise<number> {
  const runtime = await detectRuntime();
  useStderrOf(runtime);
  const [first, socket = "", text = ""] = args;
  if (first === "slot" && ownRole() === "slot" && roles.slot) {
    const { runSlot } = await roles.slot();
    const start: SlotStart = JSON.parse(text);
    if (start.cpus !== undefined && !await isBoundTo(start.cpus)) return ExitCode.usage;
    return runSlot(runtime, socket, start);
  }
  if (first === "local-worker" && ownRole() === "local-worker" && roles.localWorker) {
    const { localWorkerCommand } = await roles.localWorker();
    return await localWorkerCommand(runtime, socket, JSON.parse(text));
  }
  if (first === "check" && ownRole() === "check" && roles.trial) {
    const { runTrial } = await roles.trial();
    return await runTrial(runtime, socket);
  }
  const { runCommandLine } = await import("./command_line.ts");
  return await runCommandLine(runtime, args, roles);
}

/** Binds a slot to its CPUs. The worker reports what a slot prints before it exits. */
async function isBoundTo(cpus: string): Promise<boolean> {
  try {
    await bindToCpus(parseCpuList(cpus));
    return true;
  } catch (error) {
    console.error(messageOf(error));
    return false;
  }
}
