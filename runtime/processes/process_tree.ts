/** What a process has started, and what these have started in turn. */

import { killProcess } from "./kill_process.ts";
import { childrenOf } from "./orphans.ts";

/** Deeper trees are those of a program that starts itself again and again. */
const PROCESSES_MAX = 10_000;

/** All descendants of a process, parents first. Empty where the system does not list them. */
export function descendantsOf(pid: number): number[] {
  const found: number[] = [];
  let parents = pid > 1 ? [pid] : []; // everything descends from the first process
  while (parents.length > 0 && found.length < PROCESSES_MAX) {
    parents = parents.flatMap(childrenIfKnown);
    found.push(...parents);
  }
  return found;
}

/** Kills these processes. Those that have ended meanwhile are left out. */
export function killAll(pids: readonly number[]): void {
  for (const pid of pids) killProcess(pid);
}

function childrenIfKnown(pid: number): number[] {
  try {
    return childrenOf(pid);
  } catch {
    return []; // there is no /proc
  }
}
