/** The functions of the C library that `file_closing.ts` calls. */

import { CLOSE, ERRNO_LOCATION } from "../native/c_declarations.ts";
import type { CFunction } from "../native/c_functions.ts";
import { platform } from "../this_process.ts";

/** Functions of the C library that close files. */
export interface ClosingLibrary {
  /** Whether the runtime keeps the descriptors that `openSync` gives, so that nobody else may close them. */
  readonly areKept: boolean;
  close(fd: number): number;
  errno(): number;
  /** Linux only. */
  fcntl?(fd: number, command: number, argument: number): number;
  /** `close` in another thread. Resolves to what it returns; why it failed is lost with the thread. */
  closeInThread?(fd: number): Promise<number>;
}

/** Declares them, but for `closeInThread`. */
export const CLOSING_FUNCTIONS: Readonly<Record<string, CFunction>> = {
  close: CLOSE,
  errnoLocation: ERRNO_LOCATION,
  ...platform === "linux" && {
    // int fcntl(int fd, int command, …)
    fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
  },
};
