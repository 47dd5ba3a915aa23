/**
 * Checks whether the process whose id is in a file still runs. The process id alone is not enough: systems reuse
 * ids, containers have their own ids, and other machines may share the file.
 */

import { readFileSync, readlinkSync } from "node:fs";
import os from "node:os";
import process from "node:process";
import { machineId, systemId } from "../../system/machine.ts";
import { sha256Of } from "../../system/sha256.ts";

const MACHINE_HEX_DIGITS = 16;

/** Identifies a process, and distinguishes it from later ones with the same process id where the system can. */
export interface ProcessId {
  readonly pid: number;
  readonly host: string;
  /** Its start time in the system's own unit; missing if the system does not report it. */
  readonly start?: string | undefined;
  /** The boot and the pid namespace; missing if the system does not report them. */
  readonly space?: string | undefined;
  /** A hash of what the system calls its machine; missing if it does not. Several machines may have one host name. */
  readonly machine?: string | undefined;
}

/** The boot and the pid namespace of this process. */
export const PID_NAMESPACE = pidNamespace();

/** This machine, as in `ProcessId`. */
export const MACHINE = hashedSystemId();

/** Fields of `/proc/PID/stat`, counted after the process name, which may contain spaces and parentheses. */
const STATE_FIELD = 0;
const START_FIELD = 19;

/** The start time of a running process of this machine; `undefined` if it is not known. */
export function startOf(pid: number): string | undefined {
  const fields = statOf(pid);
  return fields && !hasEnded(fields) ? fields[START_FIELD] : undefined;
}

/** Whether a process has certainly ended. A process of another machine or container may still run. */
export function isGone({ pid, host, start, space, machine }: ProcessId): boolean {
  const isElsewhere = machine !== undefined && MACHINE !== undefined && machine !== MACHINE;
  if (host !== os.hostname() || isElsewhere || isOfOtherContainer(space)) return false;
  const fields = start === undefined ? undefined : statOf(pid);
  if (fields) return hasEnded(fields) || fields[START_FIELD] !== start;
  // If /proc cannot tell and the id is our own, an earlier process had the same id.
  return pid === process.pid ? start === undefined : cannotBeSignaled(pid);
}

function statOf(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined; // no such process, no /proc, or no permission: `kill` finds out
  }
}

/** Whether the process is a zombie: it has ended, but its parent has not waited for it. */
function hasEnded(fields: readonly string[]): boolean {
  return /^[ZXx]$/.test(fields[STATE_FIELD] ?? "");
}

function cannotBeSignaled(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    // Other errors, such as a missing permission, do not mean that it has ended.
    return (error as { code?: string }).code === "ESRCH";
  }
}

/** Whether an id belongs to another container of the current boot. No process survives a reboot. */
function isOfOtherContainer(space: string | undefined): boolean {
  if (space === undefined || PID_NAMESPACE === undefined) return false;
  const [boot] = PID_NAMESPACE.split(" ");
  return space !== PID_NAMESPACE && space.split(" ")[0] === boot;
}

function hashedSystemId(): string | undefined {
  const id = systemId();
  if (id === "") return undefined;
  return sha256Of(new TextEncoder().encode(`distcomp lock ${id}`)).slice(0, MACHINE_HEX_DIGITS);
}

function pidNamespace(): string | undefined {
  const { boot } = machineId();
  if (boot === undefined) return undefined;
  try {
    return `${boot} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return undefined; // not Linux, or no permission
  }
}
