/** Tells whoever runs a core without a worker that the core has ended the process: its status may be that of success. */

import { MMAP, type Mmap, MPROTECT } from "./c_declarations.ts";
import type { CFunction, ForeignMemory, LinkerLibrary } from "./c_functions.ts";
import { EXIT_FUNCTIONS, type ExitLibrary } from "./exit_note.ts";
import { pid, platform } from "../this_process.ts";

const WATCH_FUNCTIONS: Readonly<Record<string, CFunction>> = {
  ...EXIT_FUNCTIONS,
  mmap: MMAP,
  mprotect: MPROTECT,
};

interface WatchLibrary<Pointer, Size> extends ExitLibrary<Pointer> {
  mmap: Mmap<Pointer, Size>;
  mprotect(address: Pointer, length: Size, protection: number): number;
}

const PROT_READ = 1;
const PROT_READ_WRITE = 3;
/** MAP_PRIVATE and MAP_ANONYMOUS. */
const MAP_FLAGS = platform === "darwin" ? 0x1002 : 0x22;

/** A multiple of the page size of every CPU. */
const COMMAND_BYTES = 64 * 1024;

const TEXT = "distcomp: The core has ended the process, as exit does";

/** What the adapters give. */
export interface WatchTools<Pointer, Size> {
  readonly memory: ForeignMemory<Pointer, Size>;
  /** Opens functions of the C library. */
  open<T>(functions: Readonly<Record<string, CFunction>>): T;
  openLinker(): LinkerLibrary<Pointer> | undefined;
}

/**
 * Ends this process by a signal, with a message, if it calls `exit` before what this returns is called. A handler for
 * the end would have to be written in C. But C's own `system` will do: it takes the address of a command, and does
 * nothing for an empty one. That memory stays until the process ends, and nobody can write to it, so that nothing else
 * ever runs as a command. A process that the core has forked has another id, and may exit.
 */
export function watchExit<Pointer, Size>(
  { memory, open, openLinker }: WatchTools<Pointer, Size>,
): () => void {
  const linker = openLinker();
  const [system, fflush] = ["system", "fflush"].map((name) => linker?.dlsym(null, cString(name)));
  if (!system || !fflush) return () => {};
  const library = open<WatchLibrary<Pointer, Size>>(WATCH_FUNCTIONS);
  const bytes = memory.size(COMMAND_BYTES);
  const start = library.mmap(null, bytes, PROT_READ_WRITE, MAP_FLAGS, -1, memory.size(0));
  const mapped = start === null ? undefined : memory.bytesAt(start, COMMAND_BYTES);
  if (start === null || !mapped) return () => {};
  const command = new Uint8Array(mapped);
  command.set(cString(`[ $PPID = ${pid} ] && { echo '${TEXT}' >&2; kill -ABRT $PPID; }`));
  if (library.mprotect(start, bytes, PROT_READ) !== 0) return () => {};
  library.atExit(system, start, null);
  library.atExit(fflush, null, null); // it runs before the other one
  return () => {
    library.mprotect(start, bytes, PROT_READ_WRITE);
    command.fill(0);
    library.mprotect(start, bytes, PROT_READ);
  };
}

function cString(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}
