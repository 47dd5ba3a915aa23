/**
 * Crashes of cores, without what the runtimes do then: Bun prints a report of its own, and Deno's handler returns, so that
 * a signal that was sent has no effect.
 */

import type { CFunction } from "./c_functions.ts";
import { platform } from "../this_process.ts";

/** SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV. */
const CRASH_SIGNALS = [4, 5, 6, platform === "darwin" ? 10 : 7, 8, 11];

const SIG_DFL = null;

/** Declares what is needed of the C library. */
export const CRASH_FUNCTIONS: Readonly<Record<string, CFunction>> = {
  // void (*signal(int number, void (*handler)(int)))(int)
  signal: { args: ["i32", "pointer"], returns: "pointer" },
};

/** The function that `CRASH_FUNCTIONS` declares. */
export interface CrashLibrary {
  signal(number: number, handler: null): unknown;
}

let isPlain = false;

/** From now on, the signal of a crash ends this process, until a core handles it. */
export function crashPlainly(open: () => CrashLibrary): void {
  if (isPlain) return; // a core may handle the signals by now
  isPlain = true;
  const { signal } = open();
  for (const number of CRASH_SIGNALS) signal(number, SIG_DFL);
}
