/**
 * The roles in which distcomp starts itself. From source, slots and local workers have entry points of their own: Deno
 * reads every module that an entry point could import, and slots start often.
 */

import { bindToCpus } from "../runtime/processes/cpu_binding.ts";
import { detectRuntime, detectSlotRuntime } from "../runtime/detect.ts";
import { messageOf } from "../runtime/error_text.ts";
import type { Runtime } from "../runtime/ports.ts";
import { argumentsGiven, endProcess } from "../runtime/this_process.ts";
import type { SlotStart } from "../slot/protocol.ts";
import { parseCpuList } from "../system/cpu_list.ts";
import { oneLine } from "../system/printable.ts";
import { ownRole } from "../system/self.ts";
import { typedArguments } from "./program/arguments.ts";
import { ExitCode } from "./program/exit_code.ts";
import type { Roles } from "./roles.ts";
import { exit, stderr, useStderrOf } from "./terminal/stderr.ts";

type StartedRoles = Pick<Roles, "slot" | "localWorker" | "trial">;

/**
 * Runs a process with `run`, which gets its arguments and gives its exit status, then exits. An error that `run` does not
 * expect is one line: the runtime would print its stack, with kilobytes of minified code.
 */
export function runProcess(
  run: (runtime: Runtime, args: readonly string[]) => Promise<number>,
): void {
  detectRuntime().then((runtime) => {
    useStderrOf(runtime);
    return run(runtime, typedArguments());
  }).catch((error) => {
    const stack = argumentsGiven().includes("--verbose") ? `\n${error?.stack}` : "";
    stderr.write(`distcomp: ${oneLine(messageOf(error))}${stack}\n`);
    return ExitCode.usage;
  }).then(exit);
}

/** Runs this process as a slot if distcomp has started it as one, then exits. Returns whether it has. */
export function runSlotProcess({ slot }: StartedRoles): boolean {
  if (ownRole() !== "slot" || !slot) return false;
  const [name, socket = "", text = ""] = typedArguments();
  if (name !== "slot") return false;
  void startSlot(slot, socket, JSON.parse(text)).then(endProcess);
  return true;
}

async function startSlot(
  load: NonNullable<StartedRoles["slot"]>,
  socket: string,
  start: SlotStart,
): Promise<number> {
  const [runtime, { runSlot }] = await Promise.all([detectSlotRuntime(), load()]);
  if (start.cpus !== undefined && !await isBoundTo(start.cpus)) return ExitCode.usage;
  return runSlot(runtime, socket, start);
}

/** Runs this process in the role in which distcomp has started it, then exits. */
export function startedMain(roles: StartedRoles): void {
  if (runSlotProcess(roles)) return;
  runProcess(async (runtime, args) => await runStartedRole(runtime, args, roles) ?? ExitCode.usage);
}

/**
 * The exit status of the role in which distcomp has started this process, if it is not a slot; `undefined` if the user
 * has.
 */
export async function runStartedRole(
  runtime: Runtime,
  [name, socket = "", text = ""]: readonly string[],
  roles: StartedRoles,
): Promise<number | undefined> {
  if (name === undefined || name !== ownRole()) return undefined;
  if (name === "local-worker" && roles.localWorker) {
    const { localWorkerCommand } = await roles.localWorker();
    return await localWorkerCommand(runtime, socket, JSON.parse(text));
  }
  if (name === "check" && roles.trial) {
    const { runTrial } = await roles.trial();
    return await runTrial(runtime, socket);
  }
  return undefined;
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
