/**
 * Signals that have no effect on a slot. Those that come from the core's own calls are handled, by a function that does
 * nothing, and not ignored: what a core starts would ignore them, too, and a shell cannot change that. Others may come at
 * any time: with a handler, they would interrupt `sleep`, `poll` and others of the core.
 */

import type { CLibrary, ForeignMemory, LinkerLibrary } from "./c_functions.ts";
import { SIG_IGN } from "./c_declarations.ts";
import { platform } from "../this_process.ts";

/** SIGUSR1 and SIGUSR2, which ask for the state of a run: a slot has its name, and gets them, too (`pkill -USR2`). */
const USER_SIGNALS = platform === "darwin" ? [30, 31] : [10, 12];

/** SIGPIPE and SIGXFSZ, which runtimes ignore: calls of the core fail with EPIPE and EFBIG instead. */
const WRITE_SIGNALS = [13, 25];

/** SIGTTOU: workers ignore it. A slot has no terminal. */
const TERMINAL_SIGNAL = 22;

/** Handlers that are not functions. */
const SIG_DFL = null;

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
  const ignored = pointerTo(BigInt(SIG_IGN));
  for (const number of USER_SIGNALS) signal(number, ignored);
  for (const number of WRITE_SIGNALS) signal(number, nothing ?? ignored);
  signal(TERMINAL_SIGNAL, SIG_DFL);
}
