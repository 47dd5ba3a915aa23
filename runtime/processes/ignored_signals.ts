/** Has this process, and what it starts, ignore a signal. */

import { constants } from "node:os";
import type { CFunction } from "../native/c_functions.ts";

/** The handler that ignores a signal. */
const SIG_IGN = 1n;

const IGNORING_FUNCTIONS: Readonly<Record<string, CFunction>> = {
  // void (*signal(int number, void (*handler)(int)))(int): a pointer is as wide as a number of 64 bits
  signal: { args: ["i32", "u64"], returns: "u64" },
};

interface IgnoringLibrary {
  signal(number: number, handler: bigint): bigint;
}

/** Rejects in an executable without the permission to load a library. */
export async function ignoreSignal(name: "SIGTTOU" | "SIGUSR1"): Promise<void> {
  const adapter = "Deno" in globalThis ? import("../deno/ffi.ts") : import("../bun/ffi.ts");
  const library = (await adapter).openCFunctions<IgnoringLibrary>(IGNORING_FUNCTIONS);
  library.signal(constants.signals[name], SIG_IGN);
}
