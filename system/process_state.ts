/** What Linux shows of the state of a process in `/proc/PID/stat`. */

import { constants } from "node:os";
import type { ProcFiles } from "../runtime/proc_files.ts";

/** Fields behind the name of the process, which stands in parentheses and may have any characters. */
const EXIT_CODE_AT = 49;

/** The state of a process. */
export interface ProcessState {
  /** `R` runs, `S` waits, `T` is stopped, `Z` has ended, or only its first thread has. */
  readonly letter: string;
  /** The signal that has ended its first thread, such as `SIGSYS`; `undefined` if the thread has left by itself. */
  readonly endedBy: string | undefined;
}

/** The state of a process; `undefined` if it is gone, or this is not Linux. */
export function processState(system: ProcFiles, pid: number): ProcessState | undefined {
  const stat = system.text(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(")") + 2).trimEnd().split(" ");
  const number = Number(fields[EXIT_CODE_AT] ?? 0) & 127; // as `wait` gives it
  const endedBy = Object.entries(constants.signals).find(([, signal]) => signal === number)?.[0];
  return { letter: fields[0] ?? "", endedBy };
}

/** What else ends one thread with a signal: any other signal ends the whole process. */
export const BY_FILTER = "probably by a system call filter (seccomp)";
