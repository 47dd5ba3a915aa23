/** Identifies this machine, for files in folders that several machines may share. */

import { readFileSync } from "node:fs";
import os from "node:os";

/** Identifies a machine between two boots. */
export interface MachineId {
  readonly name: string;
  /** Unique for each boot of each machine; missing if the system does not report it. */
  readonly boot?: string | undefined;
}

let own: MachineId | undefined;

/**
 * What the system calls this machine for as long as it is installed; empty if it does not. It is meant to stay secret.
 */
export function systemId(): string {
  try {
    return readFileSync("/etc/machine-id", "utf8").trim();
  } catch {
    return ""; // not Linux, or a container
  }
}

/** This machine. Only who asks needs the permission to know its name. */
export function machineId(): MachineId {
  return own ??= { name: os.hostname(), boot: bootId() };
}

function bootId(): string | undefined {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return undefined; // not Linux, or not readable
  }
}
