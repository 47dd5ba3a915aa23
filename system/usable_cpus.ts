/** How many CPUs this process may use: not all of the machine's, in a container or a job of a batch system. */

import os from "node:os";
import { type Cgroup, cgroupsFor } from "./cgroups.ts";
import { parseCpuList } from "./cpu_list.ts";
import { type ProcFiles, thisSystem } from "../runtime/proc_files.ts";

/** The CPUs that this process may run on; `undefined` where the system does not say. */
export function allowedCpus(system: ProcFiles = thisSystem): number[] | undefined {
  const status = system.text("/proc/self/status") ?? "";
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1];
  const cpus = list === undefined ? [] : parseCpuList(list);
  return cpus.length > 0 ? cpus : undefined;
}

/**
 * The number of CPUs that can be kept busy: those that this process may run on, or fewer if a quota of CPU time
 * limits it. A part of a CPU does not count, but there is always one.
 */
export function usableCpus(system: ProcFiles = thisSystem): number {
  const allowed = allowedCpus(system)?.length ?? os.availableParallelism();
  const quotas = cgroupsFor("cpu", system).map((group) => quotaOf(group, system));
  return Math.max(1, Math.floor(Math.min(allowed, ...quotas)));
}

/** How many slots a machine has by default, if each of them uses as many threads. */
export function slotsFor(threads = 1, system: ProcFiles = thisSystem): number {
  return Math.max(1, Math.floor(usableCpus(system) / threads));
}

/** CPU time that a group may use per time; `Infinity` without a quota. */
function quotaOf({ version, folder }: Cgroup, system: ProcFiles): number {
  const read = (name: string) => (system.text(`${folder}/${name}`) ?? "").trim();
  const [quota = NaN, period = NaN] = version === 2
    ? read("cpu.max").split(" ").map(Number)
    : [Number(read("cpu.cfs_quota_us")), Number(read("cpu.cfs_period_us"))];
  // Without a quota it is "max", in version 1 -1.
  return quota > 0 && period > 0 ? quota / period : Infinity;
}
