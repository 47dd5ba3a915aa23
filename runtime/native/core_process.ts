/** This process as one that runs a core itself, without a worker, and so without what a slot gets from it. */

import type { CFunction } from "./c_functions.ts";
import type { CoreProcess } from "../ports.ts";

/** The functions of the C library that such a process needs. */
export const CORE_PROCESS_FUNCTIONS: Readonly<Record<string, CFunction>> = {
  // int setenv(const char *name, const char *value, int overwrite)
  setenv: { args: ["buffer", "buffer", "i32"], returns: "i32" },
  // int fflush(FILE *stream)
  fflush: { args: ["pointer"], returns: "i32" },
  // void exit(int status)
  exit: { args: ["i32"], returns: "void" },
};

/** The functions that `CORE_PROCESS_FUNCTIONS` declares. */
export interface CoreProcessLibrary {
  setenv(name: Uint8Array, value: Uint8Array, overwrite: number): number;
  fflush(stream: null): number;
  exit(status: number): void;
}

/** Sets the variables in `env` where they are not set, and returns what else the process can do. */
export function coreProcess(
  library: CoreProcessLibrary,
  env: Readonly<Record<string, string>>,
): CoreProcess {
  // A runtime's own `process.env` need not be the environment that C sees: Bun's is a copy of it.
  for (const [name, value] of Object.entries(env)) library.setenv(cString(name), cString(value), 0);
  return {
    flush: () => void library.fflush(null),
    exit: (status) => {
      library.exit(status);
      throw new Error("The C library's exit has returned");
    },
  };
}

function cString(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}
