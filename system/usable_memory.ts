/** How much memory this process and its children may use: the machine's, or what its control groups allow. */

import os from "node:os";
import { type Cgroup, cgroupsFor } from "./cgroups.ts";
import { type ProcFiles, thisSystem } from "../runtime/proc_files.ts";

/** Memory in bytes. */
export interface UsableMemory {
  readonly totalBytes: number;
  readonly freeBytes: number;
}

/** Which files say what, in the two versions of control groups. */
const FILES = {
  1: {
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    cached: "total_inactive_file",
  },
  2: { limit: "memory.max", used: "memory.current", cached: "inactive_file" },
} as const;

/** The memory of the machine, unless a group of this process has less. */
export function usableMemory(
  system: ProcFiles = thisSystem,
): UsableMemory {
  const machine = machineMemory(system);
  let { totalBytes, freeBytes } = machine;
  for (const group of cgroupsFor("memory", system)) {
    const limit = limitOf(group, system);
    // Without a limit there is "max", in version 1 a number beyond all memory.
    if (!(limit < machine.totalBytes)) continue;
    totalBytes = Math.min(totalBytes, limit);
    freeBytes = Math.min(freeBytes, Math.max(0, limit - usedBytes(group, system)));
  }
  return { totalBytes, freeBytes };
}

/** Linux says it in a file; on other systems the runtime does. */
function machineMemory(system: ProcFiles): UsableMemory {
  const text = system.text("/proc/meminfo") ?? "";
  const kib = (name: string) => new RegExp(`^${name}: +(\\d+) kB$`, "m").exec(text)?.[1];
  const [total, available] = [kib("MemTotal"), kib("MemAvailable")];
  if (total === undefined || available === undefined) {
    return { totalBytes: os.totalmem(), freeBytes: os.freemem() };
  }
  return { totalBytes: 1024 * Number(total), freeBytes: 1024 * Number(available) };
}

function limitOf({ version, folder }: Cgroup, system: ProcFiles): number {
  const text = system.text(`${folder}/${FILES[version].limit}`);
  return text === undefined ? NaN : Number(text);
}

/** What a group uses, without copies of files that the system drops as soon as memory is short. */
function usedBytes({ version, folder }: Cgroup, system: ProcFiles): number {
  const { used, cached } = FILES[version];
  const stat = system.text(`${folder}/memory.stat`) ?? "";
  const cachedBytes = Number(new RegExp(`^${cached} (\\d+)$`, "m").exec(stat)?.[1] ?? 0);
  return Number(system.text(`${folder}/${used}`) ?? 0) - cachedBytes;
}
