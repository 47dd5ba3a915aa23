/** What the system says about this process and those that it has started. Linux only; other systems say nothing. */

import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { thisSystem } from "../runtime/proc_files.ts";
import { type ProcessState, processState } from "../system/process_state.ts";

/** Threads of the runtimes, which they may start at any time. */
const RUNTIME_THREADS = /^(V8|tokio|Bun|HeapHelper|Heap |JIT)/;

/** The ids of all threads that may be the core's, without those of the runtime. */
export function threadIds(): string[] {
  return namesIn("/proc/self/task")
    .filter((id) => !RUNTIME_THREADS.test(textOf(`/proc/self/task/${id}/comm`)));
}

/** Memory that is in use, in bytes. */
export function ownResidentBytes(): number {
  return process.memoryUsage.rss();
}

/** The size of the heap that `malloc` grows with `brk`; 0 if it is not known. */
export function heapBytes(): number {
  const line = /^([0-9a-f]+)-([0-9a-f]+) .*\[heap\]$/m.exec(textOf("/proc/self/maps"));
  return line ? Number(BigInt(`0x${line[2]}`) - BigInt(`0x${line[1]}`)) : 0;
}

/** Processes that have `mark` in their environment, without this one. */
export function markedProcesses(mark: string): number[] {
  return otherProcesses().filter((pid) => textOf(`/proc/${pid}/environ`).includes(mark));
}

/** Processes that this one has started, or that have `mark` in their environment. */
export function startedProcesses(mark: string): number[] {
  return otherProcesses().filter((pid) =>
    parentOf(pid) === process.pid || textOf(`/proc/${pid}/environ`).includes(mark)
  );
}

/** How a process that has not ended has lost its first thread, if it has: Linux shows it as one that has ended. */
export function lostThread(pid: number): ProcessState | undefined {
  const state = processState(thisSystem, pid);
  return state?.letter === "Z" ? state : undefined;
}

function otherProcesses(): number[] {
  return namesIn("/proc").map(Number).filter((pid) => pid > 0 && pid !== process.pid);
}

function parentOf(pid: number): number {
  // The name of the program, in parentheses, may contain anything.
  return Number(/\) \S (\d+) [^)]*$/.exec(textOf(`/proc/${pid}/stat`))?.[1] ?? 0);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // the process has ended
  }
}

/** Empty for a file that is gone, or not ours. */
function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
