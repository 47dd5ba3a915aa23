/**
 * Ends processes that slots of killed workers have left on this machine. The system ends the slots of a killed worker,
 * but not what these have started. Such processes are known by a variable that they inherit from their slot.
 */

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import process from "node:process";
import { type Clock, delay, nextTurn } from "../runtime/clock.ts";
import type { Runtime } from "../runtime/ports.ts";
import { killProcess } from "../runtime/processes/kill_process.ts";
import { isRefused } from "./refused_socket.ts";

/** The variable that a slot and all that it starts have: the socket of the worker, a hyphen, the slot's number. */
export const SLOT_PROCESS = "DISTCOMP_SLOT_PROCESS";

/** A process has to see the same files and process ids as this one, so that both mean the same socket and id. */
const NAMESPACES = ["mnt", "pid"];

/** How many processes are examined in one turn of the event loop: half a millisecond. */
const EXAMINED_AT_ONCE = 32;

/**
 * A killed process ends within a few pauses, unless it hangs in the kernel or frees much memory: that is not waited
 * for.
 */
const PAUSE_MS = 5;
const PAUSES_MAX = 200;

/** Kills the processes that slots of dead workers have left. Errors are ignored. */
export async function endLeftoverProcesses(runtime: Pick<Runtime, "dial">): Promise<void> {
  const bySocket = new Map<string, number[]>();
  for (const { pid, socket } of await markedProcesses()) {
    bySocket.set(socket, [...bySocket.get(socket) ?? [], pid]);
  }
  for (const [socket, pids] of bySocket) {
    if (await isRefused(runtime, socket)) { for (const pid of pids) killProcess(pid); }
  }
}

/**
 * Kills the processes that slots of workers have left whose sockets are in `folder`, and waits until they have ended.
 * A slot that was just being started is seen only when it is looked for again.
 */
export async function endProcessesOf(clock: Clock, folder: string): Promise<void> {
  for (let pauses = 0; pauses < PAUSES_MAX; pauses++) {
    const left = (await markedProcesses()).filter(({ socket }) => socket.startsWith(`${folder}/`));
    if (left.length === 0) return;
    for (const { pid } of left) killProcess(pid);
    await delay(clock, PAUSE_MS);
  }
}

interface MarkedProcess {
  readonly pid: number;
  readonly socket: string;
}

/** Reads synchronously: these files are in memory, and to wait for another thread takes four times as long. */
async function markedProcesses(): Promise<MarkedProcess[]> {
  const own = namespacesOf("self");
  const marked: MarkedProcess[] = [];
  for (const [at, pid] of otherProcesses().entries()) {
    if (at % EXAMINED_AT_ONCE === 0) await nextTurn();
    const socket = socketIn(environmentOf(pid).split("\0"));
    if (socket === undefined || namespacesOf(pid) !== own) continue;
    marked.push({ pid: Number(pid), socket });
  }
  return marked;
}

/** Their ids; none where the system is not Linux. */
function otherProcesses(): string[] {
  try {
    return readdirSync("/proc").filter((name) =>
      /^\d+$/.test(name) && Number(name) !== process.pid
    );
  } catch {
    return [];
  }
}

/** Empty for a process that has ended, or is another user's. */
function environmentOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8");
  } catch {
    return "";
  }
}

/** Unlike any other where they cannot be read. */
function namespacesOf(name: string): string {
  try {
    return NAMESPACES.map((kind) => readlinkSync(`/proc/${name}/ns/${kind}`)).join(" ");
  } catch {
    return name;
  }
}

function socketIn(environment: readonly string[]): string | undefined {
  const mark = environment.find((variable) => variable.startsWith(`${SLOT_PROCESS}=`));
  return mark?.slice(SLOT_PROCESS.length + 1).replace(/-\d+$/, "");
}
