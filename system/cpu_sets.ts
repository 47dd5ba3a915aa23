/** Shares the CPUs out among slots, so that each slot has its own, close to each other. */

import { parseCpuList } from "./cpu_list.ts";
import { type ProcFiles, thisSystem } from "../runtime/proc_files.ts";
import { allowedCpus } from "./usable_cpus.ts";

/**
 * The CPUs of each slot, or `undefined` where the system does not name its CPUs. All slots have equally many. As
 * many as possible lie within one NUMA node, and hardware threads of one core go to the same slot. If there are
 * more slots than CPUs, several slots have the same one.
 */
export function cpuSets(slots: number, system: ProcFiles = thisSystem): number[][] | undefined {
  const allowed = allowedCpus(system);
  if (!allowed) return undefined;
  const size = Math.max(1, Math.floor(allowed.length / slots));
  const sets: number[][] = [];
  const rest: number[] = [];
  for (const node of nodesOf(allowed, system)) {
    const whole = node.length - node.length % size;
    for (let at = 0; at < whole; at += size) sets.push(node.slice(at, at + size));
    rest.push(...node.slice(whole));
  }
  // What is left of the nodes, for slots that no single node has room for.
  for (let at = 0; at + size <= rest.length; at += size) sets.push(rest.slice(at, at + size));
  return Array.from({ length: slots }, (_, slot) => sets[slot % sets.length] as number[]);
}

/** The allowed CPUs of each NUMA node, those of one core beside each other. */
function nodesOf(allowed: readonly number[], system: ProcFiles): number[][] {
  const nodes = parseCpuList(system.text("/sys/devices/system/node/online") ?? "")
    .map((node) => parseCpuList(system.text(`/sys/devices/system/node/node${node}/cpulist`) ?? ""));
  const known = new Set(nodes.flat());
  const usable = new Set(allowed);
  return [...nodes, allowed.filter((cpu) => !known.has(cpu))]
    .map((node) => inOrderOfCores(node.filter((cpu) => usable.has(cpu)), system))
    .filter((node) => node.length > 0);
}

function inOrderOfCores(cpus: readonly number[], system: ProcFiles): number[] {
  const coreOf = new Map(cpus.map((cpu) => [cpu, firstThreadOf(cpu, system)]));
  const core = (cpu: number) => coreOf.get(cpu) ?? cpu;
  return [...cpus].sort((one, other) => core(one) - core(other) || one - other);
}

/** The first hardware thread of the core that a CPU is a thread of: it stands for the core. */
function firstThreadOf(cpu: number, system: ProcFiles): number {
  const path = `/sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`;
  return parseCpuList(system.text(path) ?? "")[0] ?? cpu;
}
