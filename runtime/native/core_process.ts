/** This process as one that runs a core itself, without a worker, and so without what a slot gets from it. */

import type { CFunction } from "./c_functions.ts";
import { closeOnExec, EXEC_FUNCTIONS, type ExecLibrary } from "./close_on_exec.ts";
import { watchExit, type WatchTools } from "./exit_watch.ts";
import { MAPPED_FUNCTIONS, type MappedLibrary, MappedMemory } from "./mapped_memory.ts";
import type { CoreProcess } from "../ports.ts";
import { platform } from "../this_process.ts";

/** The functions of the C library that such a process needs. */
const CORE_PROCESS_FUNCTIONS: Readonly<Record<string, CFunction>> = {
  // int setenv(const char *name, const char *value, int overwrite)
  setenv: { args: ["buffer", "buffer", "i32"], returns: "i32" },
  // int fflush(FILE *stream)
  fflush: { args: ["pointer"], returns: "i32" },
  // void exit(int status)
  exit: { args: ["i32"], returns: "void" },
};

interface CoreProcessLibrary {
  setenv(name: Uint8Array, value: Uint8Array, overwrite: number): number;
  fflush(stream: null): number;
  exit(status: number): void;
}

/** What keeps stdout and stderr. */
const KEEPING_FUNCTIONS: Readonly<Record<string, CFunction>> = {
  ...EXEC_FUNCTIONS,
  // int dup(int fd)
  dup: { args: ["i32"], returns: "i32" },
  // int dup2(int fd, int target)
  dup2: { args: ["i32", "i32"], returns: "i32" },
  // int close(int fd)
  close: { args: ["i32"], returns: "i32" },
};

interface KeepingLibrary<Pointer, Size> extends ExecLibrary<Pointer, Size> {
  dup(fd: number): number;
  dup2(fd: number, target: number): number;
  close(fd: number): number;
}

const STDOUT_AND_STDERR = [1, 2] as const;

/** Sets the variables in `env` where they are not set, and returns what else the process can do. */
export function coreProcess<Pointer, Size>(
  tools: WatchTools<Pointer, Size>,
  env: Readonly<Record<string, string>>,
): CoreProcess {
  const library = tools.open<CoreProcessLibrary>(CORE_PROCESS_FUNCTIONS);
  // A runtime's own `process.env` need not be the environment that C sees: Bun's is a copy of it.
  for (const [name, value] of Object.entries(env)) library.setenv(cString(name), cString(value), 0);
  return {
    call: (core) => {
      const restore = keepPrinting(tools);
      const unwatch = watchExit(tools);
      try {
        return core();
      } finally {
        unwatch();
        library.fflush(null);
        restore();
      }
    },
    isOutputThere: (core) => {
      if (platform !== "linux") return true;
      const mapped = tools.open<MappedLibrary<Pointer, Size>>(MAPPED_FUNCTIONS);
      return new MappedMemory(mapped, tools.memory).has(core);
    },
    exit: (status) => {
      library.exit(status);
      throw new Error("The C library's exit has returned");
    },
  };
}

/**
 * Keeps stdout and stderr, which a core may close. What this returns makes them what they were. The programs that the
 * core starts do not get the copies: whoever reads the output would wait for them.
 */
function keepPrinting<Pointer, Size>(
  { open, memory }: Pick<WatchTools<Pointer, Size>, "open" | "memory">,
): () => void {
  const library = open<KeepingLibrary<Pointer, Size>>(KEEPING_FUNCTIONS);
  const copies = STDOUT_AND_STDERR.map((fd) => ({ fd, copy: library.dup(fd) }))
    .filter(({ copy }) => copy >= 0); // the others were not open
  for (const { copy } of copies) closeOnExec(library, memory, copy);
  return () => {
    for (const { fd, copy } of copies) {
      library.dup2(copy, fd);
      library.close(copy);
    }
  };
}

function cString(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}
