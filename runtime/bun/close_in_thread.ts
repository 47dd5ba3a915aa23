/**
 * Closes files in other threads. Bun calls functions of C in its own thread only, which a file server would hold up. But
 * C can start a thread, and `close` can be all that this thread does: it takes one argument and returns one number.
 */

import { delay, systemClock } from "../clock.ts";
import type { CFunction } from "../native/c_functions.ts";
import type { BunPointer as Pointer } from "./api.ts";

/** The functions that this needs. */
export interface ThreadLibrary {
  pthread_create(thread: BigUint64Array, options: null, run: Pointer, argument: Pointer): number;
  pthread_tryjoin_np(thread: bigint, result: Int32Array): number;
}

/** Declares `ThreadLibrary`. Linux. */
export const THREAD_FUNCTIONS: Readonly<Record<keyof ThreadLibrary, CFunction>> = {
  // int pthread_create(pthread_t *thread, const pthread_attr_t *options, void *run, void *argument)
  pthread_create: { args: ["buffer", "pointer", "pointer", "pointer"], returns: "i32" },
  // int pthread_tryjoin_np(pthread_t thread, void **result)
  pthread_tryjoin_np: { args: ["u64", "buffer"], returns: "i32" },
};

/** What a thread that still runs cannot be joined with. */
const EBUSY = 16;

/** Pauses between two looks at a thread. The first one comes in the next turn of the event loop: most closes take less. */
const LOOK_MS_MIN = 1;
const LOOK_MS_MAX = 16;

/** Closes descriptors in threads of their own. `close`: the address of the function; `closeHere`: the function. */
export function closingInThread(
  library: ThreadLibrary,
  close: Pointer,
  closeHere: (fd: number) => number,
): (fd: number) => Promise<number> {
  return async (fd) => {
    const thread = new BigUint64Array(1);
    const isStarted = library.pthread_create(thread, null, close, fd as Pointer) === 0;
    if (!isStarted) return closeHere(fd); // there may be no more threads
    const result = new Int32Array(2); // a pointer, of which `close` sets the lower half
    await systemClock.nextTurn();
    for (let pauseMs = LOOK_MS_MIN;; pauseMs = Math.min(2 * pauseMs, LOOK_MS_MAX)) {
      const joined = library.pthread_tryjoin_np(thread[0] as bigint, result);
      if (joined !== EBUSY) return joined === 0 ? result[0] as number : -1;
      await delay(systemClock, pauseMs);
    }
  };
}
