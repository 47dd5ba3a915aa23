/** Which machine this is: for notes in folders that several machines may share. */

import { readFileSync } from "node:fs";
import os from "node:os";

/** A machine, from one boot to the next. */
export interface MachineId {
  readonly name: string;
  /** Different for each boot of each machine; missing where the system does not tell. */
  readonly boot?: string | undefined;
}

/** This machine. */
export const THIS_MACHINE: MachineId = { name: os.hostname(), boot: bootId() };

function bootId(): string | undefined {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return undefined; // not Linux, or not readable
  }
}
