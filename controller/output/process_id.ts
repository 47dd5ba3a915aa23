/**
 * Whether the process that wrote its id into a file still runs. The number alone does not say: systems reuse
 * numbers, containers have numbers of their own, and other machines may share the file.
 */

import { readFileSync, readlinkSync } from "node:fs";
import os from "node:os";
import process from "node:process";
import { THIS_MACHINE } from "../../system/machine.ts";

/** A process, told apart from later ones with its number as far as the system allows. */
export interface ProcessId {
  readonly pid: number;
  readonly host: string;
  /** When it started, as the system measures that; missing if the system does not say. */
  readonly start?: string | undefined;
  /** The boot and the namespace that the number belongs to; missing if the system does not say. */
  readonly space?: string | undefined;
}

/** The boot and the namespace of process ids that this process lives in. */
export const PID_NAMESPACE = pidNamespace();

/** Fields of `/proc/PID/stat` after the process's name, which may have blanks and brackets in it. */
const STATE_FIELD = 0;
const START_FIELD = 19;

/** When a running process of this machine started; `undefined` if that cannot be found out. */
export function startOf(pid: number): string | undefined {
  const fields = statOf(pid);
  return fields && !hasEnded(fields) ? fields[START_FIELD] : undefined;
}

/** Whether a process has certainly ended. A process of another machine or container may always run. */
export function isGone({ pid, host, start, space }: ProcessId): boolean {
  if (host !== os.hostname() || isOfOtherContainer(space)) return false;
  const fields = start === undefined ? undefined : statOf(pid);
  if (fields) return hasEnded(fields) || fields[START_FIELD] !== start;
  // This process's own number, with nothing to compare: an earlier process had it.
  return pid === process.pid ? start === undefined : cannotBeSignaled(pid);
}

function statOf(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined; // no such process, no /proc, or no permission: a signal tells which
  }
}

/** A zombie has ended, although its parent has not waited for it. */
function hasEnded(fields: readonly string[]): boolean {
  return /^[ZXx]$/.test(fields[STATE_FIELD] ?? "");
}

function cannotBeSignaled(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    // Any other reason, such as missing permission, does not say that it has ended.
    return (error as { code?: string }).code === "ESRCH";
  }
}

/** Whether a number belongs to another container of this boot. No process survives a reboot. */
function isOfOtherContainer(space: string | undefined): boolean {
  if (space === undefined || PID_NAMESPACE === undefined) return false;
  const [boot] = PID_NAMESPACE.split(" ");
  return space !== PID_NAMESPACE && space.split(" ")[0] === boot;
}

function pidNamespace(): string | undefined {
  const { boot } = THIS_MACHINE;
  if (boot === undefined) return undefined;
  try {
    return `${boot} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return undefined; // not Linux, or no permission
  }
}
