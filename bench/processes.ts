/** CPU time and memory of processes, read from /proc on Linux. */

import { readdirSync, readFileSync } from "node:fs";

/** Linux reports CPU time to all programs in hundredths of a second. */
const TICKS_PER_S = 100;
const PAGE_BYTES = 4096;

/** The resources that a process has used so far. */
export interface Usage {
  readonly cpuMs: number;
  readonly rssMb: number;
}

/** CPU time of a process, with all its threads, and its resident memory. */
export function usageOf(pid: number): Usage {
  const fields = statFields(pid);
  const ticks = Number(fields[11]) + Number(fields[12]);
  return {
    cpuMs: (1000 * ticks) / TICKS_PER_S,
    rssMb: Math.round((Number(fields[21]) * PAGE_BYTES) / 1e5) / 10,
  };
}

/** The child processes of a process that are still running. */
export function childrenOf(pid: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((other) => parentOf(other) === pid);
}

function parentOf(pid: number): number | undefined {
  try {
    return Number(statFields(pid)[1]);
  } catch {
    return undefined; // it has ended in the meantime
  }
}

/** The fields after the process name, starting with the state. The name can contain spaces and parentheses. */
function statFields(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}
