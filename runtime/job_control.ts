/** What Linux tells about the shell that has started this process, and whether it has job control. */

import { readFileSync } from "node:fs";
import process from "node:process";

/** Fields of `/proc/PID/stat`. */
interface ProcessStat {
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** The group in the foreground of its terminal. */
  readonly foreground: number;
}

/**
 * Whether Ctrl-Z would stop this process for good: it is in the foreground of a terminal, and no shell could have it
 * go on, as with `ssh -t HOST distcomp run`. The system ignores Ctrl-Z then ("orphaned process group"), as long as a
 * process does not handle it. `false` where nobody can say.
 */
export function isForegroundWithoutShell(): boolean {
  try {
    const own = statOf(process.pid);
    if (own.foreground !== own.group) return false;
    for (let pid = own.parent; pid > 0;) {
      const ancestor = statOf(pid);
      if (ancestor.session !== own.session) return true;
      if (ancestor.group !== own.group) return false;
      pid = ancestor.parent;
    }
    return true;
  } catch {
    return false; // this is not Linux, or the executable may not read /proc
  }
}

function statOf(pid: number): ProcessStat {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name of the program, in parentheses, may contain anything.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ").map(Number);
  const [, parent = 0, group = 0, session = 0, , foreground = 0] = fields;
  return { parent, group, session, foreground };
}
