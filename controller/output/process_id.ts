/** Whether a process that has left its number somewhere still runs. */

import { readFileSync, readlinkSync } from "node:fs";
import os from "node:os";
import process from "node:process";
import { THIS_MACHINE } from "../../system/machine.ts";

/** A process, told apart from later ones with its number as far as the system lets us. */
export interface ProcessId {
  readonly pid: number;
  readonly host: string;
  /** When it began, in the system's own measure; missing where the system does not say. */
  readonly start?: string | undefined;
  /** Where its number counts: containers have numbers of their own. Missing where the system does not say. */
  readonly space?: string | undefined;
}

/** The boot, and the namespace of process numbers in it, that this process lives in. */
export const OWN_SPACE = ownSpace();

/** Behind the name in `/proc/PID/stat`, which may have blanks and brackets in it. */
const STATE_FIELD = 0;
const START_FIELD = 19;

/** When a running process of this machine began; `undefined` where that cannot be found out. */
export function startOf(pid: number): string | undefined {
  const fields = statOf(pid);
  return fields && !isDead(fields) ? fields[START_FIELD] : undefined;
}

/** Whether a process is certainly gone. Of another machine's nobody knows here. */
export function isGone({ pid, host, start, space }: ProcessId): boolean {
  if (host !== os.hostname() || isElsewhere(space)) return false;
  const fields = start === undefined ? undefined : statOf(pid);
  if (fields) return isDead(fields) || fields[START_FIELD] !== start;
  // Our own number, and nothing to compare: it was somebody's before us.
  return pid === process.pid ? start === undefined : cannotBeSignalled(pid);
}

function statOf(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined; // no such process, no /proc, or it is not for us: a signal tells which
  }
}

/** It has ended, and its parent has not asked how. */
function isDead(fields: readonly string[]): boolean {
  return /^[ZXx]$/.test(fields[STATE_FIELD] ?? "");
}

function cannotBeSignalled(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    // Any other reason, such as missing permission, does not say that it is gone.
    return (error as { code?: string }).code === "ESRCH";
  }
}

/** Whether a number counts in another container that runs now. After a restart nothing of before runs. */
function isElsewhere(space: string | undefined): boolean {
  if (space === undefined || OWN_SPACE === undefined) return false;
  const [boot] = OWN_SPACE.split(" ");
  return space !== OWN_SPACE && space.split(" ")[0] === boot;
}

function ownSpace(): string | undefined {
  const { boot } = THIS_MACHINE;
  if (boot === undefined) return undefined;
  try {
    return `${boot} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return undefined; // no Linux, or not for us
  }
}
