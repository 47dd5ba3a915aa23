/** Job control: what Linux tells about the shell that has started this process, and which program has the terminal. */

import { readFileSync } from "node:fs";
import process from "node:process";
import { ignoreSignal } from "./ignored_signals.ts";

/** The state of a process that a signal has stopped. */
const STOPPED = "T";

/** Fields of `/proc/PID/stat`. */
interface ProcessStat {
  /** A letter, such as `S` for a process that sleeps. */
  readonly state: string;
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

/** Whether another program has the terminal: the shell has started this process with `&`, or continued it with `bg`. */
export function isInBackground(): boolean {
  try {
    const { foreground, group } = statOf(process.pid);
    return foreground > 0 && foreground !== group; // -1 without a terminal
  } catch {
    return false; // this is not Linux, or the executable may not read /proc
  }
}

/** Whether a process is stopped, as by Ctrl-Z. `false` where nobody can say. */
export function isStopped(pid: number): boolean {
  try {
    return statOf(pid).state === STOPPED;
  } catch {
    return false; // it has ended, this is not Linux, or the executable may not read /proc
  }
}

/**
 * Has what this process writes to its terminal appear also while it is in the background. After `stty tostop`, the
 * system would otherwise stop the process for it, with all its jobs. Processes that it starts inherit that.
 */
export async function writeFromBackground(): Promise<void> {
  try {
    await ignoreSignal("SIGTTOU");
  } catch {
    // An executable without the permission to load a library.
  }
}

function statOf(pid: number): ProcessStat {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name of the program, in parentheses, may contain anything.
  const [state = "", ...fields] = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [parent = 0, group = 0, session = 0, , foreground = 0] = fields.map(Number);
  return { state, parent, group, session, foreground };
}
