/** What this machine is, in the words that libraries are described with. */

import os from "node:os";
import process from "node:process";

/** What this machine can load. */
export interface Host {
  /** As `uname -m` has it, and one name for each kind: `x86_64`, `aarch64`. */
  readonly machine: string;
  readonly format: "ELF" | "Mach-O" | "PE";
}

/** This machine. */
export function host(): Host {
  const machine = os.machine();
  return { machine: machine === "arm64" ? "aarch64" : machine, format: formatOf(process.platform) };
}

function formatOf(platform: string): Host["format"] {
  if (platform === "darwin") return "Mach-O";
  return platform === "win32" ? "PE" : "ELF";
}
