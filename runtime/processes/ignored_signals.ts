/** Has this process, and what it starts, ignore a signal. */

import { constants } from "node:os";
import { ffi } from "../ffi.ts";
import { SIG_IGN } from "../native/c_declarations.ts";
import type { CFunction } from "../native/c_functions.ts";

const IGNORING_FUNCTIONS: Readonly<Record<string, CFunction>> = {
  // void (*signal(int number, void (*handler)(int)))(int): a pointer is as wide as a number of 64 bits
  signal: { args: ["i32", "u64"], returns: "u64" },
};

interface IgnoringLibrary {
  signal(number: number, handler: bigint): bigint;
}

/** Rejects in an executable without the permission to load a library. */
export async function ignoreSignal(name: "SIGTTOU" | "SIGUSR1"): Promise<void> {
  const library = (await ffi()).openCFunctions<IgnoringLibrary>(IGNORING_FUNCTIONS);
  library.signal(constants.signals[name], SIG_IGN);
}
