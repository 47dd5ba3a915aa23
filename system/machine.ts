/** Which machine this is: for what processes leave in folders where several machines look. */

import { readFileSync } from "node:fs";
import os from "node:os";

/** A machine, from when it was started until it is switched off. */
export interface MachineId {
  readonly name: string;
  /** Another one each time, and on each machine; missing where the system does not say. */
  readonly boot?: string | undefined;
}

/** This one. */
export const THIS_MACHINE: MachineId = { name: os.hostname(), boot: bootId() };

function bootId(): string | undefined {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return undefined; // no Linux, or not for us
  }
}
