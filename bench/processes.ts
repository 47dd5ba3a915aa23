/** What processes cost, from Linux's /proc. */

import { readdirSync, readFileSync } from "node:fs";

/** Linux counts processor time in hundredths of a second for everybody. */
const TICKS_PER_S = 100;
const PAGE_BYTES = 4096;

/** What one process has used so far. */
export interface Usage {
  readonly cpuMs: number;
  readonly rssMb: number;
}

/** Processor time, threads included, and resident memory of a process. */
export function usageOf(pid: number): Usage {
  const fields = statFields(pid);
  const ticks = Number(fields[11]) + Number(fields[12]);
  return {
    cpuMs: (1000 * ticks) / TICKS_PER_S,
    rssMb: Math.round((Number(fields[21]) * PAGE_BYTES) / 1e5) / 10,
  };
}

/** The processes that a process has started and that still run. */
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
    return undefined; // it has ended since
  }
}

/** The fields behind the name, which may itself hold spaces and brackets: state is the first. */
function statFields(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}
