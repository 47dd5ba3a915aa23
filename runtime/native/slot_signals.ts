/**
 * Signals that have no effect on a slot. They are handled, by a function that does nothing, and not ignored: what a
 * core starts would ignore them, too, and a shell cannot change that.
 */

import type { CLibrary, ForeignMemory, LinkerLibrary } from "./c_functions.ts";
import { platform } from "../this_process.ts";

/** SIGUSR1 and SIGUSR2 ask workers and runs for their state. A slot has the same name, and often gets them (`pkill -USR2`). */
const USER_SIGNALS = platform === "darwin" ? [30, 31] : [10, 12];

/** SIGPIPE and SIGXFSZ, which runtimes ignore: calls of the core fail with EPIPE and EFBIG instead. */
const WRITE_SIGNALS = [13, 25];

/** SIGTTOU: workers ignore it. A slot has no terminal. */
const TERMINAL_SIGNAL = 22;

/** Handlers that are no functions. */
const SIG_DFL = null;
const SIG_IGN = 1n;

/** A function of C that does nothing, whatever it is called with. */
const NOTHING = "getpid";

/** Prepares the signals of a slot, before its core is loaded. */
export function prepareSignals<Pointer, Size>(
  { signal }: Pick<CLibrary<Pointer, Size>, "signal">,
  { pointerTo }: Pick<ForeignMemory<Pointer, Size>, "pointerTo">,
  linker: LinkerLibrary<Pointer> | undefined,
): void {
  const handle = platform === "darwin" ? pointerTo(2n ** 64n - 2n) : null; // RTLD_DEFAULT
  const nothing = linker?.dlsym(handle, new TextEncoder().encode(`${NOTHING}\0`));
  for (const number of [...USER_SIGNALS, ...WRITE_SIGNALS]) {
    signal(number, nothing ?? pointerTo(SIG_IGN));
  }
  signal(TERMINAL_SIGNAL, SIG_DFL);
}
