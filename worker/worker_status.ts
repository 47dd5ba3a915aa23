/** How the state of a worker is put together, and how it is told. */

import {
  boundedStatus,
  encodeState,
  type LoadedCore,
  type Uint64,
  type WorkerDescription,
  type WorkerStatus,
} from "../protocol/mod.ts";
import type { SlotProcess } from "./slots/processes/slot_process.ts";
import type { ProcFiles } from "../runtime/proc_files.ts";
import { usableMemory } from "../system/usable_memory.ts";
import { residentBytes } from "./slots/job_limits.ts";

/** The state as the controller `asker` gets it, which is not counted. PROTOCOL.md has the fields. */
export function encodeStatus(
  id: Uint64,
  asker: string,
  { machine, software, platform, memoryBytes }: WorkerDescription,
  status: WorkerStatus,
): Uint8Array<ArrayBuffer> {
  const controllers = status.controllers.filter((peer) => peer !== asker);
  const told = boundedStatus({ ...status, controllers });
  return encodeState(
    id,
    JSON.stringify({ name: machine, software, platform, memoryBytes, ...told }),
  );
}

/** The part of the state that the processes of the slots tell. */
export function processStatus(
  processes: readonly SlotProcess[],
  system: ProcFiles,
): Pick<WorkerStatus, "cores" | "slotsBytes" | "memoryFreeBytes"> {
  const cores = new Map<string, LoadedCore>();
  let slotsBytes: number | null = null;
  for (const { core, pid } of processes) {
    const bytes = residentBytes(pid, 0, system);
    if (bytes !== undefined) slotsBytes = (slotsBytes ?? 0) + bytes;
    if (!core) continue;
    const { name, key: sha256 } = core;
    const known = cores.get(sha256) ?? { name, sha256, slots: 0 };
    cores.set(sha256, { ...known, slots: known.slots + 1 });
  }
  return {
    cores: [...cores.values()],
    slotsBytes,
    memoryFreeBytes: usableMemory(system).freeBytes,
  };
}
