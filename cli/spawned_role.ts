/** The roles of processes that distcomp has started for itself: a local worker, and a slot. */

import { bindToCpus } from "../runtime/cpu_binding.ts";
import { messageOf } from "../runtime/error_text.ts";
import type { Runtime } from "../runtime/ports.ts";
import type { SlotStart } from "../slot/protocol.ts";
import { parseCpuList } from "../system/cpu_list.ts";
import { ownRole } from "../system/self.ts";
import { ExitCode } from "./exit_code.ts";
import type { Roles } from "./roles.ts";

type SpawnedRoles = Pick<Roles, "localWorker" | "slot">;

/** Runs the role that distcomp has started this process for. `undefined` if it is none of these. */
export async function runSpawnedRole(
  runtime: Runtime,
  [first, socket = "", text = ""]: readonly string[],
  roles: SpawnedRoles,
): Promise<number | undefined> {
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
