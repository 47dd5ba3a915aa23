/** This process as one that runs a core itself, without a worker, and so without what a slot gets from it. */

import type { CFunction, ForeignMemory, LinkerLibrary } from "./c_functions.ts";
import { EXIT_FUNCTIONS, type ExitLibrary } from "./exit_note.ts";
import type { CoreProcess } from "../ports.ts";
import { pid } from "../this_process.ts";

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
  // int dup(int fd)
  dup: { args: ["i32"], returns: "i32" },
  // int dup2(int fd, int target)
  dup2: { args: ["i32", "i32"], returns: "i32" },
  // int close(int fd)
  close: { args: ["i32"], returns: "i32" },
};

interface KeepingLibrary {
  dup(fd: number): number;
  dup2(fd: number, target: number): number;
  close(fd: number): number;
}

const STDOUT_AND_STDERR = [1, 2] as const;

/** A buffer of this size does not move. */
const COMMAND_BYTES = 4096;

/** What the adapters give. */
export interface CoreProcessTools<Pointer, Size> {
  readonly memory: ForeignMemory<Pointer, Size>;
  /** Opens functions of the C library. */
  open<T>(functions: Readonly<Record<string, CFunction>>): T;
  openLinker(): LinkerLibrary<Pointer> | undefined;
}

/** Sets the variables in `env` where they are not set, and returns what else the process can do. */
export function coreProcess<Pointer, Size>(
  tools: CoreProcessTools<Pointer, Size>,
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
    exit: (status) => {
      library.exit(status);
      throw new Error("The C library's exit has returned");
    },
  };
}

/** Keeps stdout and stderr, which a core may close. What this returns makes them what they were. */
function keepPrinting({ open }: Pick<CoreProcessTools<unknown, unknown>, "open">): () => void {
  const library = open<KeepingLibrary>(KEEPING_FUNCTIONS);
  const copies = STDOUT_AND_STDERR.map((fd) => ({ fd, copy: library.dup(fd) }));
  return () => {
    for (const { fd, copy } of copies) {
      if (copy < 0) continue; // it was not open
      library.dup2(copy, fd);
      library.close(copy);
    }
  };
}

/**
 * Lets a core that calls `exit` be told, until what this returns is called: its status may be that of success. A handler
 * for the end would have to be written in C. But C's own `system` will do: it takes the address of a command, and does
 * nothing for an empty one. A process that the core has forked has another id, and may exit.
 */
function watchExit<Pointer, Size>(
  { memory, open, openLinker }: CoreProcessTools<Pointer, Size>,
): () => void {
  const linker = openLinker();
  const [system, fflush] = ["system", "fflush"].map((name) => linker?.dlsym(null, cString(name)));
  if (!system || !fflush) return () => {};
  const command = new Uint8Array(COMMAND_BYTES);
  const text = "distcomp: The core has ended the process, as exit does";
  command.set(cString(`[ $PPID = ${pid} ] && echo '${text}' >&2 && kill -ABRT $PPID`));
  const library = open<ExitLibrary<Pointer>>(EXIT_FUNCTIONS);
  library.atExit(system, memory.pointerTo(memory.addressOf(command.buffer)), null);
  library.atExit(fflush, null, null); // it runs before the other one
  return () => void command.fill(0);
}

function cString(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}
