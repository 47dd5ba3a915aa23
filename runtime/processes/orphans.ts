/**
 * Processes that children of this process have left behind, on Linux. This process takes the place of their parent
 * (it is their "subreaper"), so that it can find them, kill them and collect their statuses.
 */

import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { PRCTL } from "../native/c_declarations.ts";
import type { CFunction } from "../native/c_functions.ts";
import type { Orphans } from "../ports.ts";
import { killProcess } from "./kill_process.ts";

const PR_SET_CHILD_SUBREAPER = 36;
const WNOHANG = 1;
/** Fields of /proc/PID/stat behind the name, which stands in parentheses and may contain any character. */
const PARENT_FIELD = 1;
const START_FIELD = 19;

/** Declares what is called. */
export const ORPHAN_FUNCTIONS: Readonly<Record<string, CFunction>> = {
  prctl: PRCTL,
  // pid_t waitpid(pid_t pid, int *status, int options)
  waitpid: { args: ["i32", "pointer", "i32"], returns: "i32" },
};

/** The functions that `ORPHAN_FUNCTIONS` declares. */
export interface OrphanLibrary {
  prctl(option: number, argument: bigint): number;
  waitpid(pid: number, status: null, options: number): number;
}

/** Makes this process the parent of orphans. `undefined` where the system or a permission does not allow it. */
export function adoptOrphansWith(open: () => OrphanLibrary): Orphans | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    const library = open();
    childrenOf();
    return library.prctl(PR_SET_CHILD_SUBREAPER, 1n) === 0 ? orphansOf(library) : undefined;
  } catch {
    return undefined; // no permission to load a library, or no /proc
  }
}

function orphansOf(library: OrphanLibrary): Orphans {
  return {
    childrenOf,
    environmentOf,
    startedAt: (pid) => statOf(pid, START_FIELD),
    // Never a process that the runtime has started and waits for: its status would be lost.
    reap: (pid) => library.waitpid(pid, null, WNOHANG) !== 0,
    kill: killProcess,
  };
}

/** The children of a process, also those that have ended and not been waited for. */
export function childrenOf(parent: number = process.pid): number[] {
  try {
    return readdirSync(`/proc/${parent}/task`).flatMap((thread) =>
      numbersIn(readFileSync(`/proc/${parent}/task/${thread}/children`, "utf8"))
    );
  } catch {
    // This kernel does not list them, or a thread has just ended.
    return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number)
      .filter((pid) => statOf(pid, PARENT_FIELD) === parent);
  }
}

function numbersIn(text: string): number[] {
  return text.split(" ").filter((word) => word !== "").map(Number);
}

function statOf(pid: number, field: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[field]);
  } catch {
    return undefined; // it has just ended
  }
}

/** The environment that a process was started with. `undefined`: it has ended, or belongs to another user. */
export function environmentOf(pid: number): readonly string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  } catch {
    return undefined;
  }
}
