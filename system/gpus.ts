/** The GPUs of this machine, and which of them slots get. Found without a library of their makers. */

import { type ProcFiles, thisSystem } from "../runtime/proc_files.ts";

/** A GPU, and how many slots share it. */
export interface GpuShare {
  /** Its number, as programs of its maker count those that this process may use, or its UUID. */
  readonly device: string;
  readonly slots: number;
}

/** `--gpus`: these, or all that are found, each for as many slots. */
export type GpuChoice =
  | { readonly kind: "named"; readonly shares: readonly GpuShare[] }
  | { readonly kind: "all"; readonly slots: number };

/** Where GPUs are looked for, for messages. */
export const GPU_PLACES = "/dev/nvidia0, /sys/class/kfd or /sys/class/drm (Intel)";

/** Variables in which batch systems and users say which GPUs a process may use. */
const VISIBLE = ["CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ZE_AFFINITY_MASK"];

/** A device in such a variable: a number, with that of a part behind it, or a UUID. Anything else means none. */
const DEVICE = /^(?:\d+(?:\.\d+)?|(?:GPU|MIG)-[\w/-]+)$/;

/** PCI number of Intel. */
const INTEL = "0x8086";

/**
 * The device of each slot. Of `all` devices, those count that the environment allows, as a batch system sets it,
 * otherwise those that are found. Slots that share a device follow each other.
 */
export function devicesOf(
  choice: GpuChoice,
  environment: Readonly<Record<string, string | undefined>>,
  system: ProcFiles = thisSystem,
): string[] {
  const shares = choice.kind === "named"
    ? choice.shares
    : allDevices(environment, system).map((device) => ({ device, slots: choice.slots }));
  return shares.flatMap(({ device, slots }) => Array.from({ length: slots }, () => device));
}

function allDevices(
  environment: Readonly<Record<string, string | undefined>>,
  system: ProcFiles,
): string[] {
  for (const name of VISIBLE) {
    const list = environment[name];
    if (list !== undefined) return devicesIn(list);
  }
  // Whatever devices it leaves, HIP counts them from 0.
  const rocm = environment["ROCR_VISIBLE_DEVICES"];
  const count = rocm === undefined ? countGpus(system) : devicesIn(rocm).length;
  return Array.from({ length: count }, (_, index) => String(index));
}

function devicesIn(list: string): string[] {
  return list.split(",").map((device) => device.trim()).filter((device) => DEVICE.test(device));
}

/** The GPUs of the first maker that has any here. */
function countGpus(system: ProcFiles): number {
  return countNvidia(system) || countAmd(system) || countIntel(system);
}

/** In a container, the numbers of the files may have gaps. CUDA counts the devices that are there from 0. */
function countNvidia(system: ProcFiles): number {
  return system.names("/dev").filter((name) => /^nvidia\d+$/.test(name)).length;
}

/** CPUs are nodes too, with 0 as their GPU's id. */
function countAmd(system: ProcFiles): number {
  const nodes = "/sys/class/kfd/kfd/topology/nodes";
  return system.names(nodes)
    .filter((node) => Number(system.text(`${nodes}/${node}/gpu_id`) ?? 0) !== 0).length;
}

function countIntel(system: ProcFiles): number {
  const devices = "/sys/class/drm";
  return system.names(devices).filter((name) => /^renderD\d+$/.test(name))
    .filter((name) => system.text(`${devices}/${name}/device/vendor`)?.trim() === INTEL).length;
}
