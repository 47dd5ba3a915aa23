/**
 * Lets a process that ends by `exit` say so in memory that it shares: who waits for it only through another program,
 * such as a sandbox, is told 139 both for `exit(139)` and for signal 11. A handler for the end would have to be
 * written in C. But C's own `sem_post` will do: it takes an address, and adds one to the number there.
 */

import type { CFunction, ForeignMemory, LinkerLibrary } from "./c_functions.ts";

/** Declares what is needed of the C library. */
export const EXIT_FUNCTIONS: Readonly<Record<string, CFunction>> = {
  // int __cxa_atexit(void *function, void *argument, void *library)
  atExit: { symbol: "__cxa_atexit", args: ["pointer", "pointer", "pointer"], returns: "i32" },
};

/** The functions that `EXIT_FUNCTIONS` declares. */
export interface ExitLibrary<Pointer> {
  atExit(handler: Pointer, argument: Pointer | null, library: null): number;
}

/** When this process calls `exit`, or returns from `main`, the bytes at `at` of `shared` are not zero any more. */
export function noteExit<Pointer, Size>(
  library: ExitLibrary<Pointer>,
  linker: LinkerLibrary<Pointer>,
  memory: ForeignMemory<Pointer, Size>,
  shared: ArrayBuffer,
  at: number,
): void {
  const post = linker.dlsym(null, new TextEncoder().encode("sem_post\0"));
  if (post === null) return;
  library.atExit(post, memory.pointerTo(memory.addressOf(shared) + BigInt(at)), null);
}
