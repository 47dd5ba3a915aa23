/** The kind of this machine, in the terms that `core/` uses for libraries. */

import os from "node:os";
import process from "node:process";

/** The kind of libraries that a machine can load. */
export interface Host {
  /** As `uname -m` prints it, but `aarch64` instead of `arm64`. */
  readonly machine: string;
  readonly format: "ELF" | "Mach-O" | "PE";
}

/** This machine. */
export function host(): Host {
  const machine = os.machine();
  return { machine: machine === "arm64" ? "aarch64" : machine, format: formatOf(process.platform) };
}

/** The platform of this machine, as a worker says it: `linux-x86_64`, `darwin-aarch64`. */
export function hostPlatform(): string {
  return `${process.platform}-${host().machine}`;
}

function formatOf(platform: string): Host["format"] {
  if (platform === "darwin") return "Mach-O";
  return platform === "win32" ? "PE" : "ELF";
}
