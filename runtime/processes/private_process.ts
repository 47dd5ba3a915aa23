/**
 * Closes this process to other processes of its user: SIGUSR1 does not open a debugger in it. On Linux, they cannot trace
 * it either, or read its memory and its environment in `/proc`, and it leaves no core dump. Only root can. What this
 * process starts is open again, but gets no file that this process was started with. The cores that a worker runs are
 * such processes.
 */

import { readdirSync } from "node:fs";
import process from "node:process";
import { ffi } from "../ffi.ts";
import { IOCTL_PLAIN, PRCTL } from "../native/c_declarations.ts";
import type { CFunction } from "../native/c_functions.ts";
import { closeOnExec } from "../native/close_on_exec.ts";
import { ignoreSignal } from "./ignored_signals.ts";

const PR_SET_DUMPABLE = 4;
const DESCRIPTORS = "/proc/self/fd";
const STDERR = 2;

const PRIVACY_FUNCTIONS: Readonly<Record<string, CFunction>> = {
  prctl: PRCTL,
  ioctlPlain: IOCTL_PLAIN,
};

interface PrivacyLibrary {
  prctl(option: number, argument: bigint): number;
  ioctlPlain(fd: number, request: bigint, memory: null): number;
}

/** Closes this process, and keeps its files from those that it starts. Returns whether it could. */
export async function closeToOthers(): Promise<boolean> {
  try {
    await refuseDebuggers();
    if (process.platform !== "linux") return false;
    const library = (await ffi()).openCFunctions<PrivacyLibrary>(PRIVACY_FUNCTIONS);
    for (const fd of readdirSync(DESCRIPTORS).map(Number)) {
      if (fd > STDERR) closeOnExec(library, { size: BigInt }, fd);
    }
    return library.prctl(PR_SET_DUMPABLE, 0n) === 0;
  } catch {
    return false; // an executable without the permission to load a library: it starts no slots
  }
}

/**
 * Deno opens a debugger at SIGUSR1, to which every user of the machine can connect. There is no option against that, but
 * it sets its handler only once: a listener of ours has it set now, and then the signal is ignored.
 */
async function refuseDebuggers(): Promise<void> {
  process.on("SIGUSR1", () => {});
  await ignoreSignal("SIGUSR1");
}
