/**
 * What the core of a slot prints. Both runtimes leave stdout and stderr to the C library and to the core: stdout is
 * written line by line, and both go into one pipe, so that their lines keep their order.
 */

import type { CLibrary, ForeignMemory, LinkerLibrary } from "./c_functions.ts";
import { closeOnExec } from "./close_on_exec.ts";
import type { SlotPrinting } from "../ports.ts";
import { platform } from "../this_process.ts";

const STDOUT = 1;
const STDERR = 2;
/** _IOLBF, and FIONREAD of Linux. */
const LINE_BUFFERED = 1;
const FIONREAD = 0x541b;

/**
 * Memory for a line of stdout, never freed: a core may print until the process ends. It has to be handed over, because
 * the C library would leave a stream without a buffer as it is, and Bun has made stdout one.
 */
const BUFFER_BYTES = 4096;
/** PROT_READ and PROT_WRITE; MAP_PRIVATE and MAP_ANONYMOUS. */
const PROTECTION = 3;
const MAP_FLAGS = platform === "darwin" ? 0x1002 : 0x22;

/** The variable that holds C's `stdout`. */
const STDOUT_SYMBOL = platform === "darwin" ? "__stdoutp" : "stdout";
/** RTLD_DEFAULT: all libraries of this process. */
const ALL_LIBRARIES = platform === "darwin" ? 2n ** 64n - 2n : undefined;

/**
 * Prepares what a core will print. A core with a C library of its own, linked statically, has its own buffers,
 * which nobody else can reach.
 */
export function openPrinting<Pointer, Size>(
  libc: CLibrary<Pointer, Size>,
  memory: ForeignMemory<Pointer, Size>,
  linker: LinkerLibrary<Pointer> | undefined,
): SlotPrinting {
  const handle = ALL_LIBRARIES === undefined ? null : memory.pointerTo(ALL_LIBRARIES);
  const variable = linker?.dlsym(handle, new TextEncoder().encode(`${STDOUT_SYMBOL}\0`)) ?? null;
  const stdout = variable === null ? null : memory.pointerAt(variable);
  if (stdout !== null) bufferLines(libc, memory, stdout);
  libc.dup2(STDERR, STDOUT);
  return new LibcPrinting(libc, memory, stdout);
}

function bufferLines<Pointer, Size>(
  libc: CLibrary<Pointer, Size>,
  { size, bytesAt }: ForeignMemory<Pointer, Size>,
  stdout: Pointer,
): void {
  const bytes = size(BUFFER_BYTES);
  const start = libc.mmap(null, bytes, PROTECTION, MAP_FLAGS, -1, size(0));
  const buffer = start !== null && bytesAt(start, 1) ? start : null;
  libc.setvbuf(stdout, buffer, LINE_BUFFERED, buffer === null ? size(0) : bytes);
}

class LibcPrinting<Pointer, Size> implements SlotPrinting {
  readonly #libc: CLibrary<Pointer, Size>;
  readonly #memory: ForeignMemory<Pointer, Size>;
  readonly #stdout: Pointer | null;
  /** The same pipe under another number: a core may send its stdout and stderr elsewhere. */
  readonly #fd: number;
  readonly #count = new Int32Array(new ArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  readonly #countBytes = new Uint8Array(this.#count.buffer);

  constructor(
    libc: CLibrary<Pointer, Size>,
    memory: ForeignMemory<Pointer, Size>,
    stdout: Pointer | null,
  ) {
    this.#libc = libc;
    this.#memory = memory;
    this.#stdout = stdout;
    this.#fd = libc.dup(STDERR);
    closeOnExec(libc, memory, this.#fd);
  }

  get unreadBytes(): number {
    const { ioctl } = this.#libc;
    if (!ioctl) return 0;
    return ioctl(this.#fd, this.#memory.size(FIONREAD), this.#countBytes) === 0
      ? this.#count[0] ?? 0
      : 0;
  }

  flush(): void {
    if (this.#stdout !== null) this.#libc.fflush(this.#stdout);
  }

  /** An error means that nobody reads: then nobody needs it. */
  write(bytes: Uint8Array<ArrayBuffer>): void {
    this.#libc.write(this.#fd, bytes, this.#memory.size(bytes.byteLength));
  }
}
