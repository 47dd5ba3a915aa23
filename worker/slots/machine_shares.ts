/** How a worker shares its machine out among its slots. */

import { cpuSets } from "../../system/cpu_sets.ts";
import { type ProcFiles, thisSystem } from "../../runtime/proc_files.ts";
import { usableCpus } from "../../system/usable_cpus.ts";
import type { MachineShares } from "./processes/slot_environment.ts";

/** What somebody who starts a worker may choose. */
export interface ShareOptions {
  readonly slots: number;
  readonly threads?: number | undefined;
  readonly pin?: boolean | undefined;
  readonly devices?: readonly string[] | undefined;
}

/** The shares of the slots. Throws if the slots cannot be bound to CPUs, or if there are not as many devices. */
export function sharesOf(
  { slots, threads, pin = false, devices }: ShareOptions,
  system: ProcFiles = thisSystem,
): MachineShares {
  if (devices && devices.length !== slots) {
    throw new RangeError(`A worker with ${slots} slots cannot give them ${devices.length} devices`);
  }
  const cpus = pin ? cpuSets(slots, system) : undefined;
  if (pin && !cpus) {
    throw new Error("Cannot bind slots to CPUs: only Linux can; start the worker without --pin");
  }
  return {
    slots,
    threads: threads ?? Math.max(1, Math.floor(usableCpus(system) / slots)),
    areThreadsChosen: threads !== undefined,
    cpus,
    devices,
  };
}
