/**
 * Checks whether the process whose id is in a file still runs. The process id alone is not enough: systems reuse
 * ids, containers have their own ids, and other machines may share the file.
 */

import { readFileSync, readlinkSync } from "node:fs";
import os from "node:os";
import process from "node:process";
import { thisSystem } from "../../runtime/proc_files.ts";
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

/**
 * Whether a process has certainly ended. It gave its last sign of life `aliveMsAgo`. A process of another machine or
 * container may still run.
 */
export function isGone(id: ProcessId, aliveMsAgo: number): boolean {
  if (isOfOtherMachine(id)) return false;
  // No process survives a reboot. But a clone of this machine, or another container, may have its name and its id.
  if (isOfOtherBoot(id)) return aliveMsAgo > uptimeMs();
  const { pid, start, space } = id;
  if (isOfOtherContainer(space)) return false;
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

/** Whether a process certainly does not run on this machine. */
function isOfOtherMachine({ host, machine }: ProcessId): boolean {
  if (host !== os.hostname()) return true;
  return machine !== undefined && MACHINE !== undefined && machine !== MACHINE;
}

/** Whether a process is of another boot: of this machine before it was restarted, or of another one with its name. */
export function isOfOtherBoot({ space }: ProcessId): boolean {
  if (space === undefined || PID_NAMESPACE === undefined) return false;
  return space.split(" ")[0] !== PID_NAMESPACE.split(" ")[0];
}

/** Whether a process of the current boot is of another container. */
function isOfOtherContainer(space: string | undefined): boolean {
  return space !== undefined && PID_NAMESPACE !== undefined && space !== PID_NAMESPACE;
}

/** How long ago this machine was booted; `Infinity` if it does not say. */
function uptimeMs(): number {
  const seconds = Number.parseFloat(thisSystem.text("/proc/uptime") ?? "");
  return Number.isNaN(seconds) ? Infinity : 1_000 * seconds;
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
